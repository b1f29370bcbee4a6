//! Why there is no instance, or not with the configuration that was asked for.

use std::{fmt, sync::Arc, time::Duration};

use super::{Fault, Handle, Instance, InstanceKey};

/// Why a caller did not get what he asked for.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError<P: Instance> {
    /// Its start failed, now or a while ago.
    #[error(transparent)]
    Start(StartFailed),
    /// Another thread has been starting it for too long. The next call starts another one.
    #[error(
        "instance {key} has been starting for more than {waited:?}; the next call starts another one, `start_wait` waits longer"
    )]
    StartTimeout {
        /// The instance.
        key: InstanceKey,
        /// How long this call was ready to wait.
        waited: Duration,
    },
    /// It asked for itself from inside its own start or reconfiguration, directly or through others.
    #[error(
        "instance {key} is asked for from inside its own start or reconfiguration; take the circle apart"
    )]
    Reentrant {
        /// The instance.
        key: InstanceKey,
    },
    /// It refused the new configuration and took the old one again.
    #[error("instance {} refused its new configuration and keeps the old one: {}", .0.handle.key(), .0.fault)]
    RolledBack(Refused<P>),
    /// It refused the new configuration and then the old one too. The next who asks for it gets a new one.
    #[error(
        "instance {} refused its new configuration and then the old one too, and is replaced: {}; {}",
        .0.handle.key(), .0.fault, shown(.0.rollback.as_ref())
    )]
    NotRolledBack(Refused<P>),
    /// It is busy for longer than one waits.
    #[error(
        "instance {key} has been busy for more than {waited:?}; try again later, `busy_wait` waits longer"
    )]
    Busy {
        /// The instance.
        key: InstanceKey,
        /// How long this call was ready to wait.
        waited: Duration,
    },
    /// It could not do what it was told.
    #[error("instance {key} failed at a command: {fault}")]
    Command {
        /// The instance.
        key: InstanceKey,
        /// How.
        fault: Fault,
    },
    /// All instances have been shut down.
    #[error("instance {key} is not started or changed any more: all instances have been shut down")]
    ShutDown {
        /// The instance.
        key: InstanceKey,
    },
}

fn shown(fault: Option<&Fault>) -> String {
    fault.map(ToString::to_string).unwrap_or_default()
}

impl<P: Instance> fmt::Debug for InstanceError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A start that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "instance {key} could not be started (try {attempts}): {fault}; it is tried again in {retry_in:.1?}, at once after `retry_now` or with another configuration"
)]
pub struct StartFailed {
    /// The instance.
    pub key: InstanceKey,
    /// How it failed the last time.
    pub fault: Fault,
    /// How often it has failed in a row.
    pub attempts: u32,
    /// How long it will be until the next try; 0: the next call tries.
    pub retry_in: Duration,
}

/// A configuration that was refused, and the instance that refused it.
pub struct Refused<P: Instance> {
    /// The instance. It has the old configuration and can be used, unless it refused that too.
    pub handle: Handle<P>,
    /// The configuration that it has.
    pub old: Arc<P::Config>,
    /// The one that it refused.
    pub new: Arc<P::Config>,
    /// How it refused.
    pub fault: Fault,
    /// How it refused the old one, if it did.
    pub rollback: Option<Fault>,
}
