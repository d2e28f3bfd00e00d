//! What it takes for files to outlast a loss of power.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes names in a folder lasting: a file made or renamed is found there again once its folder is on the disk. Windows has
/// no such call and needs none.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
