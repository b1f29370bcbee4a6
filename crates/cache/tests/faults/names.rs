//! Fault 28: keys and names that break programs are told apart, and lead nowhere outside.

use std::{ffi::OsString, path::PathBuf};

use plugcache_cache::{Cache, Key};
use plugcache_testkit::tree::odd_names;

use crate::tools::{Figures, files_below, hub, ok};

fn distinct<K>(figures: &mut Figures, name: &str, keys: &[K])
where
    K: Key + std::fmt::Debug + ToOwned<Owned = K>,
{
    let place = tempfile::tempdir().unwrap();
    for pass in 0..2 {
        let cache: Cache<K, usize> = Cache::builder(name).disk().build(&hub(place.path())).unwrap();
        for (number, key) in keys.iter().enumerate() {
            // In the second pass, each is found as what was put in under it.
            let loaded = if pass == 0 { number } else { usize::MAX };
            let got = cache.get_or_load(key, |_| ok(loaded)).unwrap();
            figures.right(*got == number, || format!("{key:?} is {got}"));
        }
        figures.right(cache.stats().loads == if pass == 0 { keys.len() as u64 } else { 0 }, || {
            format!("{name}: {} loads in pass {pass}", cache.stats().loads)
        });
    }
    let top: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    figures.right(top == [OsString::from("hub")], || format!("{top:?}"));
    let odd = files_below(place.path())
        .into_iter()
        .find(|path| !path.to_str().is_some_and(|path| path.bytes().all(|byte| byte.is_ascii_graphic())));
    figures.right(odd.is_none(), || format!("a key became a file: {odd:?}"));
}

#[test]
fn fault_28_odd_keys() {
    let mut figures = Figures::of("28", "odd keys: distinct, nothing outside");
    let mut names: Vec<OsString> = odd_names();
    let more = [
        "",
        ".",
        "..",
        "../..",
        "/",
        "/etc/passwd",
        "a/../b",
        "CON",
        "nul\0nul",
        "nul",
        "K",
        "\u{212a}",
        "k",
    ];
    names.extend(more.map(OsString::from));
    names.push("x".repeat(1 << 20).into());
    let texts: Vec<String> = names.iter().filter_map(|name| name.to_str().map(str::to_owned)).collect();
    distinct(&mut figures, "texts", &texts);
    distinct(&mut figures, "paths", &names.iter().map(PathBuf::from).collect::<Vec<_>>());
    let bytes: Vec<Vec<u8>> = names.iter().map(|name| name.as_encoded_bytes().to_vec()).collect();
    distinct(&mut figures, "bytes", &bytes);
    let pairs: Vec<(String, Option<u8>)> =
        texts.iter().flat_map(|text| [None, Some(0), Some(1)].map(|more| (text.clone(), more))).collect();
    distinct(&mut figures, "pairs", &pairs);
    for name in ["..", "a/b", "/x", "é", "", "a\0b", "A"] {
        let place = tempfile::tempdir().unwrap();
        let refused = Cache::<str, u8>::builder(name).disk().build(&hub(place.path())).is_err();
        figures.right(refused, || format!("the name {name:?}"));
    }
    figures.done();
}
