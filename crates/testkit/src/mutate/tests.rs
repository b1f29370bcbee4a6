//! The mutator itself has to be trusted before it can judge anything.

use super::*;
use crate::naive::Observer;

fn texts(root: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let scan = Scan::of(root)?;
    let paths = scan.modules.iter().chain(&scan.inits).chain([&scan.base]);
    paths.map(|path| Ok((path.strip_prefix(root).unwrap_or(path).to_owned(), fs::read(path)?))).collect()
}

#[test]
fn a_seed_gives_the_same_changes() -> io::Result<()> {
    let (one, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut first = Mutator::new(one.path(), 20, 11)?;
    let mut second = Mutator::new(other.path(), 20, 11)?;
    for _ in 0..500 {
        assert_eq!(first.step()?, second.step()?);
    }
    assert_eq!(texts(one.path())?, texts(other.path())?);
    Ok(())
}

#[test]
fn every_action_happens_and_the_tree_stays_in_bounds() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut mutator = Mutator::new(directory.path(), 20, 5)?;
    let mut seen = Vec::new();
    for _ in 0..1_000 {
        let mutation = mutator.step()?;
        if !seen.contains(&mutation.action) {
            seen.push(mutation.action);
        }
        let files = Scan::of(directory.path())?.modules.len();
        assert!(files <= Mutator::MOST_FILES + 3 && files > 0, "{files} modules after {mutation}");
    }
    let missing: Vec<_> = Action::ALL.into_iter().filter(|action| !seen.contains(action)).collect();
    assert_eq!(missing, []);
    Ok(())
}

/// Why all this exists: evidence without the inode misses changes that happen within a clock tick.
#[test]
fn weak_evidence_misses_changes() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut mutator = Mutator::new(directory.path(), 20, 1)?;
    let mut observer = Observer::default();
    observer.look(directory.path())?;
    for _ in 0..500 {
        mutator.step()?;
        observer.look(directory.path())?;
    }
    let [seconds, mtime, ..] = observer.missed;
    assert!(observer.changes > 200, "{observer:?}");
    assert!(seconds > mtime && mtime > 0, "missed {:?} of {}", observer.missed, observer.changes);
    Ok(())
}
