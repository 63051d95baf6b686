//! What is printed, and how it is said that something is not as expected.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rig::tools;

const PAUSE: Duration = Duration::from_millis(50);
/// How often it is said what is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Console {
    started: Instant,
    printed: String,
    checks: usize,
}

static CONSOLE: LazyLock<Mutex<Console>> = LazyLock::new(|| {
    Mutex::new(Console {
        started: Instant::now(),
        printed: String::new(),
        checks: 0,
    })
});

fn with<T>(act: impl FnOnce(&mut Console) -> T) -> T {
    act(&mut CONSOLE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Prints a line, and remembers it.
pub fn say(text: &str) {
    with(|console| {
        console.printed.push_str(text);
        console.printed.push('\n');
        let _ = writeln!(io::stdout(), "{text}"); // whoever read it may have gone
    });
}

/// Begins a step.
pub fn step(title: &str) {
    let seconds = seconds();
    say(&format!("\n[{seconds:5.1} s] {title}"));
}

/// Prints what something is.
pub fn fact(name: &str, value: impl Display) {
    say(&format!("    {name:<18} {value}"));
}

/// Prints what was expected, and is so.
///
/// # Panics
///
/// When it is not.
pub fn check(met: bool, expected: &str) {
    assert!(met, "expected that {expected}");
    with(|console| console.checks += 1);
    say(&format!("    ok: {expected}"));
}

/// The first answer of `probe`; says now and then what is waited for.
///
/// # Panics
///
/// When there is none in time.
pub async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let (started, mut said) = (Instant::now(), PATIENCE);
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        let waited = started.elapsed();
        assert!(waited < limit, "expected {what} within {limit:?}");
        if waited > said {
            say(&format!(
                "    ... waiting for {what} ({} s)",
                said.as_secs()
            ));
            said += PATIENCE;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// All that was printed so far.
pub fn printed() -> String {
    with(|console| console.printed.clone())
}

/// How many checks were met.
pub fn checks() -> usize {
    with(|console| console.checks)
}

/// How long this runs.
pub fn seconds() -> f64 {
    with(|console| console.started.elapsed().as_secs_f64())
}

/// A path as seen from the project's folder, where all commands are to be run.
pub fn relative(path: &Path) -> String {
    let relative = path.strip_prefix(tools::repository()).unwrap_or(path);
    relative.display().to_string()
}
