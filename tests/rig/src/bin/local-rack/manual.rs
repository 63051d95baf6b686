//! The commands of the pages, run as their readers type them: each page in one shell, against a Rack of its own.
//!
//! A reader works in the project's folder, on what `make demo-up` leaves running. What a page writes there goes to a folder of its
//! own, in which everything of the project is linked.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use futures_util::future::join_all;
use rig::children::{self, Ended};
use rig::launcher::Program;
use rig::pages::{Commands, Page, is_said};
use rig::tools::{self, AWS_CLI};
use tokio::sync::Semaphore;

use crate::console::{check, relative, say, step};
use crate::looks;
use crate::rack::Rack;
use crate::standing;
use crate::story;
use crate::watch::Watch;

/// For what never ends; on a busy machine the longest page takes minutes.
const LIMIT: Duration = Duration::from_mins(10);
/// Stand in what is printed: before each block, and before each command of it.
const BLOCK: char = '\u{1d}';
const COMMAND: char = '\u{1e}';
/// How a page says with which setting its Rack is left running.
const SETTING: &str = "RACK_SECRETS_MANAGER_ENV=Yes";

/// Runs the commands of these pages, or of all.
///
/// # Panics
///
/// When a command does not end, or does not say, what its page says.
pub async fn read(files: &[&str]) -> u8 {
    step("the commands of the pages, each page on a Rack of its own");
    let mut pages = match files {
        [] => Page::all(),
        files => files
            .iter()
            .map(|file| Page::read(&tools::repository().join(file)))
            .collect(),
    };
    pages.retain(|page| !page.commands().is_empty());
    let at_once = Semaphore::new(available_parallelism().map_or(2, usize::from));
    let folder = story::folder().join("pages");
    let work = pages.iter().map(async |page| {
        let _turn = at_once.acquire().await.expect("nobody closes it");
        let folder = folder.join(page.name.replace(['/', '.'], "-"));
        Box::pin(played(page, &folder)).await // large
    });
    let wrong: Vec<String> = join_all(work).await.into_iter().flatten().collect();
    for wrong in &wrong {
        say(wrong);
    }
    check(wrong.is_empty(), "every page says what happens");
    0
}

/// What is wrong with a page.
async fn played(page: &Page, folder: &Path) -> Option<String> {
    let (home, log) = (folder.join("home"), folder.join("log"));
    let _ = fs::remove_dir_all(folder); // of a run before
    let setting = if page.text.contains(SETTING) {
        "Yes"
    } else {
        "No"
    };
    let rack = Rack::start(&home, &log, &[("SecretsManagerEnv", setting)]).await;
    let desk = Desk::set_up(folder);
    let commands = page.commands();
    let script = desk.script(&rack, &commands);
    let work = async {
        let _watch = Watch::start(rack.world()).await;
        children::run(desk.shell(&script, &home), LIMIT).await
    };
    let ended = tokio::select! {
        never = rack.outages.obey(&rack.deployed.world.proxy) => match never {},
        never = Box::pin(looks::ask(rack.world())) => match never {}, // large
        ended = work => ended,
    };
    let wrong = judged(&commands, &ended);
    let wrong = wrong.map(|(line, what)| {
        let log = relative(&log);
        format!(
            "\n{}:{line}: {what}\n  (the functions' log: {log})",
            page.name
        )
    });
    if wrong.is_none() {
        say(&format!("    ok: {}: {} blocks", page.name, commands.len()));
    }
    wrong
}

/// Where a reader works.
struct Desk {
    folder: PathBuf,
    programs: PathBuf,
    blocks: PathBuf,
}

impl Desk {
    fn set_up(folder: &Path) -> Self {
        let [work, programs, blocks] = ["work", "bin", "blocks"].map(|name| folder.join(name));
        for folder in [&work, &programs, &blocks] {
            fs::create_dir_all(folder).expect("cannot create a folder of a page");
        }
        let project = tools::repository();
        let entries = fs::read_dir(project).expect("cannot list the project's folder");
        for entry in entries {
            let entry = entry.expect("cannot list the project's folder");
            symlink(entry.path(), work.join(entry.file_name())).expect("cannot link a file");
        }
        for program in ["rack", "run-task", "task-sees"] {
            let built = project.join("target/debug").join(program);
            symlink(built, programs.join(program)).expect("cannot link a program");
        }
        let aws = programs.join("aws");
        let cli = project.join(AWS_CLI);
        let script = format!(
            "#!/bin/sh\nexec {} --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n",
            cli.display()
        );
        fs::write(&aws, script).expect("cannot write a program");
        let executable = Permissions::from_mode(0o755);
        fs::set_permissions(&aws, executable).expect("cannot make a program executable");
        Self {
            folder: work,
            programs,
            blocks,
        }
    }

    /// The shell of that script.
    fn shell(&self, script: &str, home: &Path) -> Program {
        let path = format!("{}:{}", self.programs.display(), children::path());
        Program::new("page", ["/usr/bin/env", "bash", "-c", script])
            .variables([("PATH", path), ("HOME", home.display().to_string())])
            .variables([("LANG", "C.UTF-8"), ("TERM", "dumb")])
            .works_in(&self.folder)
    }

    /// All blocks in one shell, which ends at the first that fails. What was printed is cut at the marks.
    fn script(&self, rack: &Rack, commands: &[Commands]) -> String {
        // The prelude's functions are for the project's folder; the programs are found from everywhere.
        let prelude = rack.shell.prelude();
        let mut script = format!("set -e -o pipefail\n{{\n{prelude}\nunset -f aws rack\n");
        for (number, block) in commands.iter().enumerate() {
            let file = self.blocks.join(format!("{number}.sh"));
            // The Rack of `make demo-up` has another home.
            let (theirs, ours) = (relative(&standing::home()), relative(&rack.home));
            let text = block.text.replace(&theirs, &ours);
            let marked = format!("trap 'printf \"\\036\"' DEBUG\n{text}");
            fs::write(&file, marked).expect("cannot write a block");
            script += &sourced(&file, block.code);
        }
        script + "printf '\\035'\n} 2>&1 | cat"
    }
}

/// The lines that run a block in this shell, where it is to end with that number.
fn sourced(file: &Path, code: u8) -> String {
    let file = file.display();
    match code {
        0 => format!("printf '\\035'\nsource {file}\n"),
        code => format!(
            "printf '\\035'\nset +e\nsource {file}\ncode=$?\nset -e\n[ \"$code\" = {code} ]\n"
        ),
    }
}

/// The first block that ended or said something else than its page says, and what that was.
fn judged(commands: &[Commands], ended: &Ended) -> Option<(usize, String)> {
    let said: Vec<&str> = ended.answer.split(BLOCK).skip(1).collect();
    for (number, block) in commands.iter().enumerate() {
        let Some(said_of_block) = said.get(number) else {
            return Some((block.line, format!("was not come to: {}", ended.log)));
        };
        let shown = said_of_block.replace(COMMAND, "");
        if said.len() == number + 1 {
            let how = match ended.status {
                Some(status) => format!("ended otherwise than it says ({status})"),
                None => format!("took longer than {} s", LIMIT.as_secs()),
            };
            let text = &block.text;
            return Some((
                block.line,
                format!("{how}:\n{text}---\n{shown}---\n{}", ended.log),
            ));
        }
        // What marks commands also marks those of ours behind the block.
        let said_of_block = said_of_block.trim_end_matches(COMMAND);
        let last = said_of_block.rsplit(COMMAND).next().unwrap_or_default();
        let prints = block.prints.as_deref();
        if let Some(prints) = prints.filter(|prints| !is_said(prints, last)) {
            let what =
                format!("its last command prints\n{last}---\nwhere the page has\n{prints}---");
            return Some((block.line, what));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    fn block(code: u8, prints: Option<&str>) -> Commands {
        Commands {
            line: 7,
            text: "echo a\n".to_owned(),
            code,
            prints: prints.map(str::to_owned),
        }
    }

    fn ended(answer: &str, code: i32) -> Ended {
        Ended {
            status: Some(ExitStatus::from_raw(code << 8)),
            answer: answer.to_owned(),
            log: String::new(),
        }
    }

    #[test]
    fn a_block_that_ends_or_says_something_else_is_told_by_its_line() {
        let good = ended("\u{1d}\u{1e}x\n\u{1e}a\n\u{1d}", 0);
        assert_eq!(judged(&[block(0, Some("a"))], &good), None);
        assert_eq!(judged(&[block(0, None)], &good), None);
        let marked = ended("\u{1d}\u{1e}x\n\u{1e}a\n\u{1e}\u{1e}\u{1d}", 0);
        assert_eq!(judged(&[block(0, Some("a"))], &marked), None);
        let (line, what) = judged(&[block(0, Some("b"))], &good).unwrap();
        assert!(line == 7 && what.starts_with("its last command prints\na\n"));
        let failed = ended("\u{1d}\u{1e}x\n", 3);
        let (_, what) = judged(&[block(0, None), block(0, None)], &failed).unwrap();
        assert!(
            what.starts_with("ended otherwise than it says (exit status: 3)"),
            "{what}"
        );
    }
}
