//! Trees that no package has: many files, or many plugins. Generated once, kept under the work directory.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{Result, context::remove};

/// The package below which generated plugins are.
pub(crate) const PACKAGE_PATH: &str = "host/plugins";
/// Goes up whenever a generated tree changes, so that old ones are made anew.
const EDITION: &str = "1";

/// Files and directories of the wide tree.
pub(crate) const WIDE: (usize, usize) = (20_000, 2_850);
/// Plugins in a file of the tall trees.
const IN_A_FILE: usize = 100;
/// Files in a directory of the tall trees.
const IN_A_DIRECTORY: usize = 100;

/// 20,000 files in 2,850 directories, a plugin in each file that is not an `__init__.py`.
pub(crate) fn wide(work: &Path, quick: bool) -> Result<PathBuf> {
    let (files, directories) = if quick { (WIDE.0 / 10, WIDE.1 / 10) } else { WIDE };
    generate(work, &format!("wide-{files}"), |host| {
        // The host and its plugin package are two of the directories, and have three files.
        let (directories, files) = (directories - 2, files - 3);
        for at in 0..directories {
            let directory = host.join(format!("plugins/p{at:04}"));
            std::fs::create_dir(&directory)?;
            std::fs::write(directory.join("__init__.py"), "")?;
            let more = files - directories;
            for file in at * more / directories..(at + 1) * more / directories {
                std::fs::write(directory.join(format!("m{file:05}.py")), one_plugin(file, 0))?;
            }
        }
        Ok(())
    })
}

/// The files of the wide tree that hold a plugin, and the plugin's number in each.
pub(crate) fn wide_file(root: &Path, quick: bool, wanted: usize) -> PathBuf {
    let (files, directories) = if quick { (WIDE.0 / 10, WIDE.1 / 10) } else { WIDE };
    let (directories, files) = (directories - 2, files - 3);
    let more = files - directories;
    let file = wanted % more;
    // The directory whose range of numbers holds the file.
    let directory = (0..directories).rfind(|at| at * more / directories <= file).unwrap_or(0);
    root.join(PACKAGE_PATH).join(format!("p{directory:04}/m{file:05}.py"))
}

/// The text of a module with one plugin; another `edition` is another text of the same plugin.
pub(crate) fn one_plugin(number: usize, edition: usize) -> String {
    format!(
        "from host.base import Plugin\n\n\nclass P{number:07}(Plugin):\n    \"\"\"Number {number:07}.\"\"\"\n\n    \
         name = \"p-{edition:07}\"\n"
    )
}

/// Many plugins in few files.
pub(crate) fn tall(work: &Path, plugins: usize) -> Result<PathBuf> {
    generate(work, &format!("tall-{plugins:07}"), |host| {
        for file in 0..plugins.div_ceil(IN_A_FILE) {
            let directory = host.join(format!("plugins/p{:04}", file / IN_A_DIRECTORY));
            if file % IN_A_DIRECTORY == 0 {
                std::fs::create_dir(&directory)?;
                std::fs::write(directory.join("__init__.py"), "")?;
            }
            let mut text = "from host.base import Plugin\n".to_owned();
            for number in file * IN_A_FILE..plugins.min((file + 1) * IN_A_FILE) {
                write!(
                    text,
                    "\n\nclass P{number:07}(Plugin):\n    \"\"\"Number {number:07}.\"\"\"\n\n    name = \"p-{number:07}\"\n"
                )?;
            }
            std::fs::write(directory.join(format!("m{file:05}.py")), text)?;
        }
        Ok(())
    })
}

/// The text of the facts of one plugin of a tall tree: name, docstring, literal.
pub(crate) const FACTS_TEXT: usize = "P0000000Number 0000000.\"p-0000000\"".len();

fn generate(work: &Path, name: &str, fill: impl FnOnce(&Path) -> Result) -> Result<PathBuf> {
    let root = work.join("trees").join(name);
    let stamp = work.join("trees").join(format!(".{name}"));
    if std::fs::read_to_string(&stamp).is_ok_and(|edition| edition == EDITION) {
        return Ok(root);
    }
    eprintln!("  generating {name}");
    remove(&root)?;
    let host = root.join("host");
    std::fs::create_dir_all(host.join("plugins"))?;
    std::fs::write(host.join("__init__.py"), "")?;
    std::fs::write(host.join("base.py"), "class Plugin:\n    \"\"\"The base of all plugins.\"\"\"\n")?;
    std::fs::write(host.join("plugins/__init__.py"), "")?;
    fill(&host)?;
    std::fs::write(stamp, EDITION)?;
    Ok(root)
}
