//! How each change is made.

use std::{
    fs::{self, File, FileTimes, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Action, Mutator, content, scan::Scan};

/// What was touched, and what else there is to say; `None` if there was nothing to do it to.
type Done = io::Result<Option<Touched>>;

const HOUR: Duration = Duration::from_hours(1);

/// What a change touched.
pub(super) struct Touched {
    pub(super) paths: Vec<PathBuf>,
    pub(super) detail: String,
}

impl Touched {
    fn with(path: PathBuf, detail: impl Into<String>) -> Self {
        Self { paths: vec![path], detail: detail.into() }
    }
}

impl<const N: usize> From<[PathBuf; N]> for Touched {
    fn from(paths: [PathBuf; N]) -> Self {
        Self { paths: paths.into(), detail: String::new() }
    }
}

impl Mutator {
    pub(super) fn perform(&mut self, action: Action, scan: &Scan) -> Done {
        let full = scan.modules.len() >= Self::MOST_FILES;
        let empty = scan.modules.len() <= Self::FEWEST_FILES;
        match action {
            Action::AddFile | Action::HardLink | Action::AddPackage if full => Ok(None),
            Action::RemoveFile | Action::RemovePackage if empty => Ok(None),
            Action::ReplaceSameSize => self.replace(scan, false),
            Action::ReplaceSameSizeKeepMtime => self.replace(scan, true),
            Action::RewriteInPlace => self.rewrite(scan),
            Action::RewriteSameSize => self.overwrite(scan, false),
            Action::RewriteSameSizeRestoreMtime => self.overwrite(scan, true),
            Action::SwapFiles => self.swap(&scan.modules),
            Action::RollBackMtime => self.roll_back(scan),
            Action::FutureMtime => self.set_ahead(scan),
            Action::DeleteAndRecreate => self.recreate(scan),
            Action::SwapDirectories => self.swap_directories(scan),
            Action::AddFile => self.add_file(scan),
            Action::AddPackage => self.add_package(scan),
            Action::RemoveFile => self.remove(&[&scan.modules[..], &scan.links[..]].concat()),
            Action::RemovePackage => self.remove(scan.packages.get(1..).unwrap_or_default()),
            Action::RenameFile => self.rename(scan),
            Action::FileToPackage => self.file_to_package(scan),
            Action::Touch => self.touch(scan),
            Action::HardLink => self.hard_link(scan),
            Action::RetargetSymlink => self.retarget(scan),
            Action::BreakSyntax => self.edit(&scan.modules, content::broken),
            Action::FixSyntax => fix(scan),
            Action::EditInit => self.edit_init(scan),
            Action::EditBase => self.edit_base(scan),
            Action::Unrelated => self.unrelated(scan),
        }
    }

    /// A module and other text of the same size for it.
    fn same_size(&mut self, scan: &Scan) -> io::Result<Option<(PathBuf, Vec<u8>)>> {
        let Some(path) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        let text = fs::read(&path)?;
        Ok(content::same_size(&mut self.random, &text).map(|changed| (path, changed)))
    }

    fn replace(&mut self, scan: &Scan, keep_mtime: bool) -> Done {
        let Some((path, changed)) = self.same_size(scan)? else { return Ok(None) };
        let beside = path.with_extension("tmp");
        fs::write(&beside, changed)?;
        if keep_mtime {
            set_modified(&beside, fs::metadata(&path)?.modified()?)?;
        }
        fs::rename(&beside, &path)?;
        Ok(Some([path].into()))
    }

    fn rewrite(&mut self, scan: &Scan) -> Done {
        let Some(path) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        fs::write(&path, content::module(&mut self.random, &scan.siblings))?;
        Ok(Some([path].into()))
    }

    fn overwrite(&mut self, scan: &Scan, restore_mtime: bool) -> Done {
        let Some((path, changed)) = self.same_size(scan)? else { return Ok(None) };
        let before = fs::metadata(&path)?.modified()?;
        OpenOptions::new().write(true).open(&path)?.write_all(&changed)?;
        if restore_mtime {
            set_modified(&path, before)?;
        }
        Ok(Some([path].into()))
    }

    fn swap(&mut self, among: &[PathBuf]) -> Done {
        let (Some(one), Some(other)) = (self.random.pick(among), self.random.pick(among)) else {
            return Ok(None);
        };
        // A directory cannot change places with one that it holds.
        if one.starts_with(other) || other.starts_with(one) {
            return Ok(None);
        }
        let aside = one.with_extension("aside");
        fs::rename(one, &aside)?;
        fs::rename(other, one)?;
        fs::rename(&aside, other)?;
        Ok(Some([one.clone(), other.clone()].into()))
    }

    fn swap_directories(&mut self, scan: &Scan) -> Done {
        self.swap(scan.packages.get(1..).unwrap_or_default())
    }

    fn roll_back(&mut self, scan: &Scan) -> Done {
        let Some((path, changed)) = self.same_size(scan)? else { return Ok(None) };
        let before = fs::metadata(&path)?.modified()?;
        fs::write(&path, changed)?;
        let times = [
            ("mtime a second back", before.checked_sub(Duration::from_secs(1))),
            ("mtime an hour back", before.checked_sub(HOUR)),
            ("mtime ten years back", before.checked_sub(Duration::from_hours(24 * 3_650))),
            ("mtime 0", Some(UNIX_EPOCH)),
            ("mtime 1", UNIX_EPOCH.checked_add(Duration::from_secs(1))),
            ("mtime before 1970", UNIX_EPOCH.checked_sub(HOUR)),
        ];
        let (what, time) = *self.random.pick(&times).unwrap_or(&times[0]);
        set_modified(&path, time.unwrap_or(UNIX_EPOCH))?;
        Ok(Some(Touched::with(path, what)))
    }

    fn set_ahead(&mut self, scan: &Scan) -> Done {
        let Some((path, changed)) = self.same_size(scan)? else { return Ok(None) };
        fs::write(&path, changed)?;
        set_modified(&path, SystemTime::now() + HOUR * 24)?;
        Ok(Some([path].into()))
    }

    fn recreate(&mut self, scan: &Scan) -> Done {
        let Some((path, changed)) = self.same_size(scan)? else { return Ok(None) };
        fs::remove_file(&path)?;
        fs::write(&path, changed)?;
        Ok(Some([path].into()))
    }

    fn add_file(&mut self, scan: &Scan) -> Done {
        let Some(package) = self.random.pick(&scan.packages).cloned() else { return Ok(None) };
        let path = package.join(self.fresh_name()).with_extension("py");
        fs::write(&path, content::module(&mut self.random, &scan.siblings))?;
        Ok(Some([path].into()))
    }

    fn add_package(&mut self, scan: &Scan) -> Done {
        if scan.packages.len() >= Self::MOST_PACKAGES {
            return Ok(None);
        }
        let Some(within) = self.random.pick(&scan.packages).cloned() else { return Ok(None) };
        let package = within.join(self.fresh_name());
        fs::create_dir(&package)?;
        // One in four is a namespace package.
        if !self.random.once_in(4) {
            fs::write(package.join("__init__.py"), content::init(&mut self.random, &scan.siblings))?;
        }
        for _ in 0..=self.random.below(3) {
            let path = package.join(self.fresh_name()).with_extension("py");
            fs::write(path, content::module(&mut self.random, &scan.siblings))?;
        }
        Ok(Some([package].into()))
    }

    fn remove(&mut self, among: &[PathBuf]) -> Done {
        let Some(path) = self.random.pick(among).cloned() else { return Ok(None) };
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
        Ok(Some([path].into()))
    }

    fn rename(&mut self, scan: &Scan) -> Done {
        let Some(from) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        let Some(package) = self.random.pick(&scan.packages).cloned() else { return Ok(None) };
        let to = package.join(self.fresh_name()).with_extension("py");
        fs::rename(&from, &to)?;
        Ok(Some([from, to].into()))
    }

    fn file_to_package(&mut self, scan: &Scan) -> Done {
        if scan.packages.len() >= Self::MOST_PACKAGES {
            return Ok(None);
        }
        let Some(path) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        let package = path.with_extension("");
        if package.exists() {
            return Ok(None);
        }
        fs::create_dir(&package)?;
        fs::rename(&path, package.join("__init__.py"))?;
        Ok(Some([path, package].into()))
    }

    fn touch(&mut self, scan: &Scan) -> Done {
        let Some(path) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        let detail = if self.random.once_in(2) {
            let mode = fs::metadata(&path)?.permissions().mode() ^ 0o022;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            "chmod"
        } else {
            set_modified(&path, SystemTime::now())?;
            "touch"
        };
        Ok(Some(Touched::with(path, detail)))
    }

    fn hard_link(&mut self, scan: &Scan) -> Done {
        let Some(from) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        let Some(package) = self.random.pick(&scan.packages).cloned() else { return Ok(None) };
        let to = package.join(self.fresh_name()).with_extension("py");
        fs::hard_link(&from, &to)?;
        Ok(Some([from, to].into()))
    }

    fn retarget(&mut self, scan: &Scan) -> Done {
        let Some(target) = self.random.pick(&scan.modules).cloned() else { return Ok(None) };
        let old = if self.random.once_in(3) { None } else { self.random.pick(&scan.links).cloned() };
        let link = match old {
            Some(link) => link,
            None if scan.links.len() >= Self::FEWEST_FILES => return Ok(None),
            None => {
                let Some(package) = self.random.pick(&scan.packages).cloned() else { return Ok(None) };
                package.join(self.fresh_name()).with_extension("py")
            }
        };
        // By a rename, as `ln -sfn` does not but careful programs do.
        let beside = link.with_extension("tmp");
        symlink(&target, &beside)?;
        fs::rename(&beside, &link)?;
        let detail = format!("to {}", target.file_name().unwrap_or_default().display());
        Ok(Some(Touched::with(link, detail)))
    }

    fn edit(&mut self, among: &[PathBuf], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Done {
        let Some(path) = self.random.pick(among).cloned() else { return Ok(None) };
        let changed = change(&fs::read(&path)?);
        fs::write(&path, changed)?;
        Ok(Some([path].into()))
    }

    fn edit_init(&mut self, scan: &Scan) -> Done {
        let text = content::init(&mut self.random, &scan.siblings);
        self.edit(&scan.inits, |_| text.into_bytes())
    }

    fn edit_base(&mut self, scan: &Scan) -> Done {
        let text = fs::read(&scan.base)?;
        let Some(changed) = content::same_size(&mut self.random, &text) else { return Ok(None) };
        // Once in a while there is no base class for a step, and so no plugin.
        let changed = if self.random.once_in(6) {
            String::from_utf8_lossy(&changed).replace("class Plugin", "class Absent").into_bytes()
        } else {
            String::from_utf8_lossy(&changed).replace("class Absent", "class Plugin").into_bytes()
        };
        fs::write(&scan.base, changed)?;
        Ok(Some([scan.base.clone()].into()))
    }

    fn unrelated(&mut self, scan: &Scan) -> Done {
        let Some(package) = self.random.pick(&scan.packages).cloned() else { return Ok(None) };
        let names = ["notes.txt", "m001.pyc", "data.json", ".hidden", "__pycache__.bak"];
        let path = package.join(self.random.pick(&names).unwrap_or(&names[0]));
        fs::write(&path, format!("{:04}", self.random.below(10_000)))?;
        Ok(Some([path].into()))
    }
}

fn fix(scan: &Scan) -> Done {
    for path in &scan.modules {
        if let Some(text) = content::fixed(&fs::read(path)?) {
            fs::write(path, text)?;
            return Ok(Some([path.clone()].into()));
        }
    }
    Ok(None)
}

fn set_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    File::options().write(true).open(path)?.set_times(FileTimes::new().set_modified(time))
}
