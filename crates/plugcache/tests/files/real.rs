//! The real model, as large as it is: `PLUGCACHE_MODEL` names a directory with its files, which
//! `cargo xtask test` prepares.

use std::{path::PathBuf, time::Instant};

use plugcache::{
    Hub,
    embedding::files::{ModelDirectory, ModelStore, Source},
};

use crate::{
    options,
    server::{COMMIT, Do, Server},
};

/// The files of all-MiniLM-L6-v2 in the package that tests take them from, and their SHA-256.
const FILES: [(&str, &str); 8] = [
    ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ("1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
    ("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
    ("sentence_bert_config.json", "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
    ("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
    ("config_sentence_transformers.json", "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"),
];

const PIECE: usize = 20 << 20;

#[test]
fn the_real_model_in_pieces() {
    let given =
        PathBuf::from(std::env::var_os("PLUGCACHE_MODEL").expect("PLUGCACHE_MODEL: see `cargo xtask test`"));
    let files = FILES.map(|(name, _)| (name, std::fs::read(given.join(name)).unwrap()));
    let server = Server::new(&files.each_ref().map(|(name, bytes)| (*name, bytes.as_slice())), |request| {
        if request.is_get() { Do::BreakAfter(PIECE) } else { Do::Serve }
    });
    let mut source = Source::sentence_model("sentence-transformers/all-MiniLM-L6-v2").unwrap();
    for (name, sha256) in FILES {
        source = source.pinned(name, sha256).unwrap();
    }
    let place = tempfile::tempdir().unwrap();
    let store = ModelStore::open(place.path().join("models-v1"), options(&server)).unwrap();
    let began = Instant::now();
    let model = store.fetch(&source, &mut |_| {}).unwrap();
    let fetched = began.elapsed();
    let weights = files[2].1.len();
    assert_eq!(server.gets("model.safetensors").len(), weights.div_ceil(PIECE));
    assert_eq!(server.sent("model.safetensors"), weights);
    let manifest = model.manifest().unwrap();
    assert_eq!(manifest.size(), files.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    assert_eq!((manifest.commit.as_deref(), manifest.absent.len()), (Some(COMMIT), 0));

    let began = Instant::now();
    let found = store.find(&source).unwrap().unwrap();
    let looked = began.elapsed();
    let began = Instant::now();
    assert_eq!(store.verify(&source).unwrap(), Some(Vec::new()));
    let verified = began.elapsed();

    let cache = place.path().join("cache");
    let hub = || Hub::builder().directory(&cache).build().unwrap();
    let local = ModelDirectory::local(&given).unwrap();
    let [first, second] = [hub(), hub()].map(|hub| {
        let began = Instant::now();
        let identity = local.identity(&hub).unwrap();
        (identity, began.elapsed())
    });
    assert_eq!((first.0, second.0), (found.identity(&hub()).unwrap(), first.0));
    println!(
        "fetch in pieces {fetched:.1?}, find {looked:.1?}, verify {verified:.1?}, identity of a local directory \
         {:.1?}, in another process {:.1?}",
        first.1, second.1
    );
}
