//! What users read is so: the commands of the pages run and say what the pages say, their links lead somewhere, their examples are
//! taken, and none is longer than somebody reads.

mod commands;
mod examples;
mod figures;
mod links;
mod tables;

use rig::pages::{Block, Page};

/// The blocks of all pages that begin with these words, each with where it stands.
fn blocks(fits: impl Fn(&Block) -> bool) -> Vec<(String, Block)> {
    let mut found = Vec::new();
    for page in Page::all() {
        for block in page.blocks() {
            if fits(&block) {
                found.push((format!("{}:{}", page.name, block.line), block));
            }
        }
    }
    found
}
