use plugcache_cache::Strength;
use plugcache_discovery::{finder::*, index::*, plugin::Plugin, tree::*};
use std::{ffi::CString, path::Path, sync::Arc, time::Instant};
struct Py;
impl Finder for Py {
    fn version(&self) -> u32 {
        1
    }
    fn spec(&self) -> String {
        "py".into()
    }
    fn is_relevant(&self, n: &str) -> bool {
        n != "__pycache__"
    }
    fn walk(&self, t: &mut Tree<'_>) {
        let r: Vec<_> = t.roots().iter().map(|r| r.0).collect();
        for r in r {
            w(t, r, "")
        }
    }
    fn extract(&self, _: &Path, b: &[u8]) -> Extracted {
        Extracted { structure: b[..b.len().min(1000)].to_vec(), details: vec![], problem: None }
    }
    fn link(&self, t: &mut Tree<'_>, s: Scope<'_>) -> Links {
        let f = match s {
            Scope::All => t.files(),
            Scope::Only(f) => f.to_vec(),
        };
        Links {
            files: f
                .into_iter()
                .map(|f| {
                    let n = t.path(f).1.to_string();
                    (
                        f,
                        Linked {
                            records: vec![Record {
                                name: n.rsplit('/').next().unwrap().to_string(),
                                file: f,
                                line: 1,
                                payload: vec![0; 60],
                            }],
                            depends_on: vec![f],
                            ..Default::default()
                        },
                    )
                })
                .collect(),
            all_depend_on: vec![],
        }
    }
    fn describe(&self, _: &dyn Facts, r: &Record) -> Plugin {
        Plugin { name: r.name.clone(), ..Default::default() }
    }
}
fn w(t: &mut Tree<'_>, r: RootId, p: &str) {
    let Some(l) = t.list(r, p) else { return };
    for (n, k) in &l.entries {
        let q = if p.is_empty() { n.clone() } else { format!("{p}/{n}") };
        match k {
            EntryKind::Directory => w(t, r, &q),
            EntryKind::File if n.ends_with(".py") => {
                t.declare(r, &q);
            }
            _ => {}
        }
    }
}
fn loop_floor(dirs: &[(CString, Vec<CString>)]) -> usize {
    use rustix::fs::*;
    let mut n = 0;
    for (d, fs) in dirs {
        let fd = openat(CWD, d, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        for f in fs {
            n += statat(&fd, f, AtFlags::empty()).unwrap().st_size as usize;
        }
    }
    n
}
fn gather(p: &Path, o: &mut Vec<(CString, Vec<CString>)>) {
    let mut fs = vec![];
    let mut ds = vec![];
    for e in std::fs::read_dir(p).unwrap() {
        let e = e.unwrap();
        let n = e.file_name().into_string().unwrap();
        if e.path().is_dir() {
            ds.push(e.path())
        } else if n.ends_with(".py") {
            fs.push(CString::new(n).unwrap())
        }
    }
    o.push((CString::new(p.to_str().unwrap()).unwrap(), fs));
    for d in ds {
        gather(&d, o)
    }
}
fn main() {
    let root = std::env::args().nth(1).unwrap();
    let cache = std::env::args().nth(2).unwrap();
    let touch = std::env::args().nth(3);
    let s = Session {
        location: Location { directories: vec![cache.into()] },
        ..Session::new(Arc::new(Py), vec![root.clone().into()])
    };
    let t = Instant::now();
    let snap = s.open();
    println!("first {:?} parsed {}", t.elapsed(), snap.report().parsed);
    drop(snap);
    let mut d = vec![];
    gather(Path::new(&root), &mut d);
    let mut a = vec![];
    let mut b = vec![];
    let mut l = vec![];
    let mut c = vec![];
    for i in 0..40 {
        if let Some(f) = &touch {
            std::fs::write(f, format!("# {i}\n")).unwrap();
        }
        let t = Instant::now();
        std::hint::black_box(loop_floor(&d));
        a.push(t.elapsed().as_nanos());
        let t = Instant::now();
        let (_s, r) = s.find("youtube.py", |_, f| f.len());
        let _ = r;
        b.push(t.elapsed().as_nanos());
        if touch.is_some() {
            c.push(_s.report().parsed as u128);
            continue;
        }
        let s2 = Session { strength: Strength::Lazy, ..s.clone() };
        let t = Instant::now();
        let _ = s2.find("wat.py", |_, f| f.len());
        l.push(t.elapsed().as_nanos());
    }
    a.sort();
    b.sort();
    l.sort();
    println!(
        "floor {} {} full {} {} ratio {:.3} lazy {:?}",
        a[0],
        a[20],
        b[0],
        b[20],
        b[20] as f64 / a[20] as f64,
        l.get(20)
    );
    println!("{:?}", c.get(5));
}
