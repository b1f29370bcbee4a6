//! Faults 3, 4, 5, 6 and 31: files that are not what was written.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use plugcache_cache::{
    Codec, SystemClock, envelope,
    tier::{Lmdb, Storage, Visit},
};
use plugcache_testkit::{Fault, FaultyStorage, Random, Warnings};

use crate::tools::{
    Figures, Lists, ask, command, directory, ended, files_below, hub, list, lists, spawn, times, version,
};

/// Keys that are kept, and, tagged, some that were declared wrong and whose rows are still there.
const KEPT: std::ops::Range<u64> = 0..30;
const WRONG: std::ops::Range<u64> = 30..36;

fn tagged(place: &Path) -> Lists {
    let tags = |key: &u64| if WRONG.contains(key) { vec!["wrong".to_owned()] } else { Vec::new() };
    lists(&hub(place), |it| it.tags(tags))
}

fn make(place: &Path) {
    let lists = tagged(place);
    for key in KEPT.chain(WRONG) {
        lists.insert(&key, list(key, 1));
    }
    lists.invalidate_tag("wrong");
}

/// What is wrong in a directory with some damage: nothing, or what a lookup gave.
fn wrong_in(place: &Path) -> Option<String> {
    let lists = tagged(place);
    for key in KEPT {
        if let Some(found) = lists.get(&key)
            && version(key, &found) != Some(1)
        {
            return Some(format!("key {key}: {found:?}"));
        }
        match ask(&lists, key, 2) {
            Some(1 | 2) => {}
            other => return Some(format!("key {key}: version {other:?}")),
        }
    }
    for key in WRONG {
        if ask(&lists, key, 2) != Some(2) {
            return Some(format!("key {key} was declared wrong"));
        }
    }
    lists.insert(&1, list(1, 3));
    (ask(&lists, 1, 4) != Some(3)).then(|| "it does not keep anything".to_owned())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { _ = fs::copy(&path, &target).unwrap() }
    }
}

/// One way to damage the file at a position among all files.
fn damage(file: &Path, kind: u64, random: &mut Random) -> String {
    let mut bytes = fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let mut at = random.below(bytes.len());
    let said = match kind % 5 {
        // Bits, half of them where a file's words or the heads of its pages are.
        0 | 1 => {
            if random.once_in(2) {
                at = (at / 4096 * 4096 + at % 160).min(bytes.len().saturating_sub(1));
            }
            if random.once_in(2)
                && let Some(used) = bytes.iter().skip(at).position(|byte| *byte != 0)
            {
                at += used;
            }
            let bit = random.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
            format!("{name}: bit {bit} of byte {at}")
        }
        2 => {
            bytes.truncate(at);
            format!("{name}: cut to {at}")
        }
        3 => {
            bytes.iter_mut().skip(at).for_each(|byte| *byte = 0);
            format!("{name}: zeros from {at}")
        }
        _ => {
            let more = random.below(9_000);
            bytes.extend(std::iter::repeat_with(|| random.bits() as u8).take(more));
            format!("{name}: {more} more bytes")
        }
    };
    fs::write(file, bytes).unwrap();
    said
}

/// Goes through many damages, and says how far it came, so that a crash costs one of them.
pub(crate) fn child(place: &Path) {
    let (made, work) = (place.join("made"), place.join("work"));
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (seed, from, to) = (number("DAMAGE_SEED"), number("DAMAGE_FROM"), number("DAMAGE_TO"));
    let files: Vec<PathBuf> =
        files_below(&made).into_iter().map(|file| file.strip_prefix(&made).unwrap().to_owned()).collect();
    let mut wrong = String::new();
    for at in from..to {
        let mut random = Random::new(seed ^ at.wrapping_mul(0x9E37_79B9));
        let _ = fs::remove_dir_all(&work);
        copy(&made, &work);
        // Half of it to the rows, the rest to all files alike.
        let data = files.iter().find(|file| file.ends_with("data.mdb")).unwrap();
        let file = if random.once_in(2) { data } else { random.pick(&files).unwrap() };
        let said = damage(&work.join(file), at, &mut random);
        fs::write(place.join("at"), format!("{at} {said}")).unwrap();
        if let Some(what) = wrong_in(&work) {
            wrong = format!("{wrong}{said}: {what}\n");
            fs::write(place.join("wrong"), &wrong).unwrap();
        }
    }
}

#[test]
fn fault_04_05_every_file_damaged() {
    let place = tempfile::tempdir().unwrap();
    make(&place.path().join("made"));
    let mut figures = Figures::of("4, 5", "a bit flipped, a file cut, zeroed, lengthened");
    let (mut from, to) = (0, times(400, 8_000));
    while from < to {
        let mut child = command("damage", place.path());
        child.env("DAMAGE_SEED", figures.seed.to_string());
        child.env("DAMAGE_FROM", from.to_string()).env("DAMAGE_TO", to.min(from + 500).to_string());
        child.stderr(std::process::Stdio::null());
        let end = ended(child.spawn().unwrap());
        let said = fs::read_to_string(place.path().join("at")).unwrap();
        let at: u64 = said.split(' ').next().unwrap().parse().unwrap();
        for _ in from..at {
            figures.right(true, String::new);
        }
        figures.ended(end, || said.clone());
        assert!(end.is_none_or(|end| end.success() || end.signal().is_some()), "the child failed: {said}");
        from = at + 1;
    }
    if let Ok(wrong) = fs::read_to_string(place.path().join("wrong")) {
        wrong.lines().for_each(|line| figures.right(false, || line.to_owned()));
    }
    figures.done();
}

/// Rows are not brought to the medium as they are written: after a power loss, pages of many moments lie side by
/// side. The number of the boot tells, and the cache starts empty.
#[test]
fn fault_03_the_power_fails() {
    let mut figures = Figures::of("3", "power loss: old and new pages mixed");
    for round in 0..times(20, 200) {
        let place = tempfile::tempdir().unwrap();
        make(place.path());
        let data = directory(place.path()).join("data.mdb");
        let old = fs::read(&data).unwrap();
        let mut writer = spawn("save for ever", place.path());
        while fs::read(&data).unwrap() == old {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let mut mixed = fs::read(&data).unwrap();
        for (new, old) in mixed.chunks_mut(4096).zip(old.chunks(4096)) {
            if figures.random.once_in(2) {
                new[..old.len()].copy_from_slice(old);
            }
        }
        fs::write(&data, mixed).unwrap();
        fs::write(directory(place.path()).join("unsynced"), "another boot").unwrap();
        let (wrong, heard) = Warnings::heard(|| {
            let lists = lists(&hub(place.path()), |it| it);
            let empty = KEPT.chain(WRONG).all(|key| lists.get(&key).is_none());
            (!empty).then_some("something was served").or_else(|| {
                let right = KEPT.chain(WRONG).all(|key| ask(&lists, key, 8) == Some(8));
                (!right).then_some("wrong")
            })
        });
        figures.right(wrong.is_none(), || format!("round {round}: {wrong:?}"));
        figures.right(heard.len() == 1, || format!("round {round}: {heard:?}"));
    }
    figures.done();
}

#[test]
fn fault_06_rows_in_each_others_place() {
    let place = tempfile::tempdir().unwrap();
    let inner = Arc::new(Lmdb::open(&place.path().join("c"), 8 << 20, Arc::new(SystemClock)).unwrap());
    let mut figures = Figures::of("6", "rows swapped");
    let faulty = Arc::new(FaultyStorage::new(inner, &[Fault::Swap], 2, figures.seed));
    let storage: Arc<dyn Storage> = faulty.clone();
    let lists = lists(&hub(place.path()), |it| it.capacity(0).storage(storage, Codec::postcard()));
    for at in 0..times(2_000, 100_000) {
        let key = at * 31 % 50;
        let right = ask(&lists, key, 1) == Some(1);
        figures.right(right, || format!("key {key}"));
    }
    assert!(faulty.done()[&Fault::Swap] > 100);
    figures.done();
}

/// Programs of several versions may share a directory: each leaves alone what it does not know.
#[test]
fn fault_31_other_versions_in_one_directory() {
    let place = tempfile::tempdir().unwrap();
    let mut figures = Figures::of("31", "older and newer versions in one directory");
    make(place.path());
    let later = place.path().join("hub/caches-v2/lists");
    fs::create_dir_all(&later).unwrap();
    fs::write(later.join("data.mdb"), "of a later version").unwrap();
    // Rows of a later layout, sealed as that version would.
    let storage = Lmdb::open(&directory(place.path()), 8 << 20, Arc::new(SystemClock)).unwrap();
    let mut rows = Vec::new();
    storage
        .sweep(&mut |id, row| {
            let number = |at: usize| u32::from_le_bytes(row[at..at + 4].try_into().unwrap());
            let (key, payload) = row[36..].split_at(number(16) as usize);
            rows.push((*id, envelope::seal(number(8), 2, key, payload)));
            Visit::Keep
        })
        .unwrap();
    for (id, row) in &rows {
        storage.write(&[(*id, row)]).unwrap();
    }
    drop(storage);
    {
        let lists = tagged(place.path());
        for key in KEPT {
            figures.right(lists.get(&key).is_none(), || format!("key {key} of a later version is served"));
            figures.right(ask(&lists, key, 5) == Some(5), || format!("key {key}"));
        }
    }
    // The same cache in another format, and with another type.
    let json = lists(&hub(place.path()), |it| it.disk_with(Codec::json()));
    let texts =
        plugcache_cache::Cache::<u64, String>::builder("lists").disk().build(&hub(place.path())).unwrap();
    for key in KEPT {
        figures.right(json.get(&key).is_none(), || format!("key {key} in another format"));
        figures.right(ask(&json, key, 6) == Some(6), || format!("key {key} in JSON"));
        figures.right(texts.get(&key).is_none(), || format!("key {key} with another type"));
        let text = texts.get_or_load(&key, |key| crate::tools::ok(key.to_string())).unwrap();
        figures.right(*text == key.to_string(), || format!("key {key} as a text"));
    }
    assert_eq!(fs::read(later.join("data.mdb")).unwrap(), b"of a later version");
    figures.done();
}
