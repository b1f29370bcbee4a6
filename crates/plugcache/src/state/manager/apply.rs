//! Changing things: checkpoint, apply, verify, and back again if that fails.
//!
//! Everything that can be refused is refused before anything is changed. Then each plugin's part is changed
//! as a whole or, as far as its rollback goes, not at all.

use std::sync::{Arc, atomic::Ordering};

use plugcache_cache::lock::LockFile;
use serde_json::{Value, json};

use super::{
    super::{
        checkpoint::{Checkpoint, CheckpointInfo},
        plugin::{PluginError, StateDiff},
        report::{ApplyReport, Outcome, PluginReport},
    },
    QueryError, StateError, StateManager,
    call::{Registered, contained},
};

/// The right to change something, of one manager in one process at a time.
struct Claim<'a> {
    manager: &'a StateManager,
    /// Held for as long as this lives.
    lock: Option<LockFile>,
}

/// A plugin, what it has to do, and what is desired.
type Plan<'m, 'd> = (&'m Arc<Registered>, StateDiff, &'d Value);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.manager.is_changing.store(false, Ordering::Release);
    }
}

impl StateManager {
    /// Makes the system as `desired`: a document by plugin, flat or below `plugins`. States are asked for anew.
    ///
    /// An error says why nothing was changed: an unknown or read-only plugin, a state that is not known or
    /// makes no sense, another change under way. Otherwise the report says what happened to each plugin's part:
    /// a checkpoint was made, the part applied and verified, and, if anything of that failed, rolled back. What
    /// is kept of the states is dropped, and what is being asked for meanwhile is not kept.
    pub fn apply(&self, desired: &Value) -> Result<ApplyReport, StateError> {
        let _claim = self.claim()?;
        let plans = self.plan(desired)?;
        let changed = plans.into_iter().map(|(plugin, diff, desired)| {
            if diff.actions.is_empty() {
                return report(diff, Outcome::Unchanged);
            }
            let report = self.change(plugin, diff, desired);
            self.tell(&plugin.name, "apply", &json!(report));
            report
        });
        Ok(ApplyReport { plugins: changed.collect() })
    }

    /// What [`apply`](Self::apply) would do, from states that are asked for anew. Changes nothing.
    pub fn plan_only(&self, desired: &Value) -> Result<ApplyReport, StateError> {
        let plans = self.plan(desired)?.into_iter().map(|(_, diff, _)| {
            let outcome = if diff.actions.is_empty() { Outcome::Unchanged } else { Outcome::Planned };
            report(diff, outcome)
        });
        Ok(ApplyReport { plugins: plans.collect() })
    }

    /// Makes a checkpoint of a plugin's part, and returns its id.
    pub fn checkpoint(&self, plugin: &str) -> Result<String, StateError> {
        let plugin = self.plugins.get(plugin).ok_or_else(|| Arc::new(self.unknown(plugin)))?;
        if !plugin.plugin.capabilities().can_apply {
            return Err(StateError::ReadOnly { plugin: plugin.name.clone() });
        }
        let id = self.keep_checkpoint(plugin, None)?;
        self.tell(&plugin.name, "checkpoint", &json!({ "id": id }));
        Ok(id)
    }

    /// Brings back what was there when a checkpoint was made. Returns whose it was.
    pub fn rollback(&self, id: &str) -> Result<String, StateError> {
        let _claim = self.claim()?;
        let Checkpoint { info, snapshot } = self.checkpoints.load(id)?;
        let plugin = self.plugins.get(&info.plugin).ok_or_else(|| Arc::new(self.unknown(&info.plugin)))?;
        let (name, version, scope) = plugin.identity().map_err(Arc::new)?;
        if (&version, &scope) != (&info.version, &info.scope) {
            let show = |version, scope| format!("`{name}` {version} at `{scope}`");
            let (was, is) = (show(&info.version, &info.scope), show(&version, &scope));
            return Err(StateError::OtherPlugin { id: id.to_owned(), was, is });
        }
        self.forget(plugin);
        let rolled_back = contained("roll back", || plugin.plugin.rollback(&snapshot));
        self.forget(plugin);
        let error = rolled_back.as_ref().err().map(ToString::to_string);
        self.tell(&name, "rollback", &json!({ "id": id, "error": error }));
        match rolled_back {
            Ok(()) => Ok(name),
            Err(error) => Err(StateError::Plugin { plugin: name, action: "roll back", error }),
        }
    }

    /// Nobody waits for the right to change something: what would be done was worked out from a state that
    /// is about to be another one. And no lock is held that a plugin's code could wait for.
    fn claim(&self) -> Result<Claim<'_>, StateError> {
        if self.is_changing.swap(true, Ordering::AcqRel) {
            return Err(StateError::Busy);
        }
        let mut claim = Claim { manager: self, lock: None };
        if let Some(directory) = self.checkpoints.directory() {
            let lock = LockFile::open(directory, c"change.lock")?;
            if !lock.try_exclusive()? {
                return Err(StateError::Busy);
            }
            claim.lock = Some(lock);
        }
        Ok(claim)
    }

    /// All that has to be done, or why nothing may be.
    fn plan<'a>(&self, desired: &'a Value) -> Result<Vec<Plan<'_, 'a>>, StateError> {
        let wanted = self.wanted(desired)?;
        if let Some((plugin, _)) = wanted.iter().find(|(one, _)| !one.plugin.capabilities().can_apply) {
            return Err(StateError::ReadOnly { plugin: plugin.name.clone() });
        }
        let plans = wanted.into_iter().map(|(plugin, desired)| {
            let current = plugin.query(self.timeout).map_err(Arc::<QueryError>::new)?;
            let diff = self.diff_of(plugin, &current, desired)?;
            Ok((plugin, StateDiff::clone(&diff), desired))
        });
        plans.collect()
    }

    fn change(&self, plugin: &Arc<Registered>, diff: StateDiff, desired: &Value) -> PluginReport {
        let id = match self.keep_checkpoint(plugin, Some(&diff)) {
            Ok(id) => id,
            Err(error) => {
                let errors = vec![format!("no checkpoint could be made: {error}")];
                return PluginReport { errors, ..report(diff, Outcome::NotApplied) };
            }
        };
        // Dropped before, so that what is kept on disk does not outlive a kill in the middle; and after,
        // so that what was asked in the middle is not kept.
        self.forget(plugin);
        let mut report = PluginReport { checkpoint: Some(id.clone()), ..report(diff, Outcome::Verified) };
        if let Err(error) = apply_and_verify(plugin, &report.diff, desired) {
            report.errors.push(error.to_string());
            report.outcome = match self.go_back(plugin, &id) {
                Ok(()) => Outcome::RolledBack,
                Err(error) => {
                    report.errors.push(format!("going back failed too: {error}"));
                    Outcome::RollbackFailed
                }
            };
        }
        self.forget(plugin);
        report
    }

    /// Goes back by what was kept, not by what is in memory: what later processes could do is what is done.
    fn go_back(&self, plugin: &Registered, id: &str) -> Result<(), StateError> {
        let checkpoint = self.checkpoints.load(id)?;
        contained("roll back", || plugin.plugin.rollback(&checkpoint.snapshot))
            .map_err(|error| StateError::Plugin { plugin: plugin.name.clone(), action: "roll back", error })
    }

    fn keep_checkpoint(&self, plugin: &Registered, diff: Option<&StateDiff>) -> Result<String, StateError> {
        let failed =
            |error| StateError::Plugin { plugin: plugin.name.clone(), action: "make a checkpoint", error };
        let (name, version, scope) = plugin.identity().map_err(Arc::new)?;
        let snapshot =
            contained("make a checkpoint", || plugin.plugin.create_checkpoint(diff)).map_err(failed)?;
        let wall = self.clock.wall().0;
        let info = CheckpointInfo {
            id: String::new(),
            plugin: name,
            version,
            scope,
            made: wall.div_euclid(1_000_000_000),
            is_of_apply: diff.is_some(),
        };
        Ok(self.checkpoints.keep(Checkpoint { info, snapshot }, wall)?)
    }
}

fn apply_and_verify(plugin: &Registered, diff: &StateDiff, desired: &Value) -> Result<(), PluginError> {
    let applied = contained("apply", || plugin.plugin.apply_state(diff))?;
    if !applied.errors.is_empty() {
        return Err(PluginError(applied.errors.join("; ")));
    }
    if contained("verify", || plugin.plugin.verify_state(desired))? {
        return Ok(());
    }
    Err(PluginError::new("the system was not as desired after all changes"))
}

fn report(diff: StateDiff, outcome: Outcome) -> PluginReport {
    PluginReport { diff, outcome, errors: Vec::new(), checkpoint: None }
}
