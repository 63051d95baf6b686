//! The Rack of the demo and of `up`: deployed from `template.yaml`, with outages on command and a shell to work in.

use std::fs;
use std::path::{Path, PathBuf};

use rig::World;
use rig::outages::Outages;
use rig::world::{Deployed, Site};

use crate::console::relative;
use crate::shell::Shell;

/// A running Rack. It ends with the value, or with this process.
#[derive(Debug)]
pub struct Rack {
    /// The Rack itself.
    pub deployed: Deployed,
    /// What makes its Secrets Manager hang or refuse.
    pub outages: Outages,
    /// Where commands are run.
    pub shell: Shell,
    /// Where it keeps its files.
    pub home: PathBuf,
}

impl Rack {
    /// Starts one; `home` is emptied before, and `log` begins anew.
    pub async fn start(home: &Path, log: &Path, parameters: &[(&'static str, &str)]) -> Self {
        let _ = fs::remove_dir_all(home); // of one that was killed
        fs::create_dir_all(home).expect("cannot create the home of a Rack");
        let outages = Outages::at(home.join("outages"));
        let deployed = Deployed::start(Site { home, log }, parameters).await;
        let promote = deployed.outputs.get("PromoteFunction");
        let promote = promote.expect("the stack names promote");
        let shell = Shell::new(&deployed.world, promote, home);
        Self {
            deployed,
            outages,
            shell,
            home: home.to_owned(),
        }
    }

    /// Its account and clients.
    pub fn world(&self) -> &World {
        &self.deployed.world
    }

    /// The names of its functions, and whose they are.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str)> {
        let outputs = self.deployed.outputs.iter();
        outputs.filter_map(|(output, name)| Some((output.strip_suffix("Function")?, name.as_str())))
    }

    /// The line that makes a service hang for functions.
    pub fn hang(&self) -> String {
        format!(
            "echo hang secretsmanager > {}",
            relative(self.outages.pipe())
        )
    }

    /// The line that makes it refuse what they ask for.
    pub fn refuse(&self) -> String {
        format!(
            "echo refuse secretsmanager > {}",
            relative(self.outages.pipe())
        )
    }

    /// The line that ends either.
    pub fn lift(&self) -> String {
        format!("echo lift > {}", relative(self.outages.pipe()))
    }
}
