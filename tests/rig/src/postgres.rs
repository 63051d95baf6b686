//! A PostgreSQL that refuses connections without TLS, as RDS's own parameter groups have it from version 15 on.
//!
//! A real server of this machine: the one that `make tools` installs, else one that is installed already. What emulates RDS
//! listens nowhere, so a test brings the password and the address that a delivered URL is to lead to.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use double::unique;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::launcher::{self, Launched};
use crate::{poll, ports, tools};

/// User and database, as RDS makes them of the templates.
const USER: &str = "app";
const START_LIMIT: Duration = Duration::from_secs(30);
/// PostgreSQL does not run as root (its documentation, "The PostgreSQL User Account"); this is `nobody`.
const NOBODY: u32 = 65_534;
/// Becomes `nobody` and then the command behind it.
const AS_NOBODY: &str = "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])";

/// A running server. It ends with the value, or with the process that started it.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    port: u16,
    folder: TempDir,
    process: Launched,
}

/// Where the server's programs are, and how they are run.
#[derive(Debug)]
struct Programs {
    folder: PathBuf,
    as_nobody: bool,
}

impl Postgres {
    /// Starts one with the user `app`, its `password` and its database, and waits until it answers. Blocks the thread.
    ///
    /// # Errors
    ///
    /// Why this machine has none.
    pub fn start(password: &str) -> Result<Self, String> {
        // Not below the project, which `nobody` may not be let into.
        let folder = tempfile::tempdir().expect("cannot create a folder for a database");
        let owner = fs::metadata(folder.path()).expect("the folder was just made");
        let programs = Programs::find(owner.uid() == 0)?;
        prepare(folder.path(), password);
        if programs.as_nobody {
            give_away(folder.path());
        }
        programs.init(folder.path());
        let port = ports::reserve();
        let command = programs.server(folder.path(), port);
        let process = launcher::start("postgres", &command, &BTreeMap::new());
        let mut server = Self {
            programs,
            port,
            folder,
            process,
        };
        server.create_database(password);
        Ok(server)
    }

    /// What a URL names it by: its certificate is of this host.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The file with the certificate that its own is signed by.
    #[must_use]
    pub fn root_certificate(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// What psql, and with it libpq, makes of `url`: whether the session is encrypted, `t` or `f`, or the error.
    ///
    /// # Errors
    ///
    /// The first line that it says.
    pub fn session(&self, url: &str) -> Result<String, String> {
        let output = self.psql(
            url,
            "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
        );
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    fn psql(&self, url: &str, statement: &str) -> Output {
        // No setting, password file or root certificate of whoever runs the tests.
        let mut psql = Command::new(self.programs.folder.join("psql"));
        psql.env_clear().env("HOME", self.folder.path());
        psql.args(["--no-psqlrc", "--no-password", "-At", "-c", statement, url]);
        psql.output().expect("cannot start psql")
    }

    fn create_database(&mut self, password: &str) {
        let url = format!("postgres://{USER}:{password}@{}/postgres", self.authority());
        let created = poll::until(START_LIMIT, || {
            let output = self.psql(&url, &format!("create database {USER}"));
            (output.status.success() || self.process.ended().is_some()).then_some(output)
        });
        let created = created.filter(|output| output.status.success());
        assert!(created.is_some(), "{}", self.process.output());
    }
}

impl Drop for Postgres {
    /// By its own program: a server that is killed leaves its shared memory behind.
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let arguments = ["stop", "--mode=immediate", "--silent", "-D"].map(OsStr::new);
        let mut stop = self.programs.command("pg_ctl", &arguments);
        let _ = stop.arg(data).output(); // the launcher ends what is left
    }
}

impl Programs {
    fn find(as_nobody: bool) -> Result<Self, String> {
        let folder = tools::postgres()
            .ok_or("no PostgreSQL is installed, and `make tools` has none for this machine")?;
        let programs = Self { folder, as_nobody };
        let version = programs
            .command("postgres", &[OsStr::new("--version")])
            .output();
        match version {
            Ok(output) if output.status.success() => Ok(programs),
            Ok(output) => Err(format!(
                "{} does not run here: {}",
                programs.folder.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            )),
            Err(error) => Err(format!(
                "{} does not start: {error}",
                programs.folder.display()
            )),
        }
    }

    fn line(&self, program: &str, arguments: &[&OsStr]) -> Vec<OsString> {
        let mut line: Vec<OsString> = Vec::new();
        if self.as_nobody {
            line.push(tools::python().into());
            line.extend(["-I", "-c", AS_NOBODY].map(OsString::from));
        }
        line.push(self.folder.join(program).into());
        line.extend(arguments.iter().map(OsString::from));
        line
    }

    fn command(&self, program: &str, arguments: &[&OsStr]) -> Command {
        let line = self.line(program, arguments);
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env_clear();
        command
    }

    fn init(&self, folder: &Path) {
        let (data, password) = (folder.join("data"), folder.join("password"));
        let arguments = [
            "--username",
            USER,
            "--auth=scram-sha-256",
            "--no-locale",
            "--encoding=UTF8",
            "--no-sync",
        ];
        let mut init = self.command("initdb", &arguments.map(OsStr::new));
        init.arg("--pwfile").arg(password).arg("-D").arg(&data);
        let output = init.output().expect("cannot start initdb");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // No other line: what comes without TLS is refused, as `rds.force_ssl` has it.
        let rules = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).expect("cannot write the rules of a database");
    }

    fn server(&self, folder: &Path, port: u16) -> Vec<OsString> {
        let file = |name: &str| folder.join(name).display().to_string();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.pem")),
            format!("ssl_key_file={}", file("server.key")),
            "fsync=off".to_owned(),
        ];
        let data = folder.join("data");
        let mut arguments = vec![OsStr::new("-D"), data.as_os_str()];
        arguments.extend(
            settings
                .iter()
                .flat_map(|setting| [OsStr::new("-c"), OsStr::new(setting)]),
        );
        self.line("postgres", &arguments)
    }
}

/// Writes certificates and password.
fn prepare(folder: &Path, password: &str) {
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).expect("cannot write a file of a database");
    };
    let key = || KeyPair::generate().expect("ring makes keys");
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name
        .push(DnType::CommonName, format!("root {}", unique::word(8)));
    let root_key = key();
    let root_certificate = root.self_signed(&root_key).expect("a valid certificate");
    write("root.pem", &root_certificate.pem());
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = CertificateParams::new(names).expect("valid names");
    let server_key = key();
    let issuer = Issuer::new(root, root_key);
    let server = server
        .signed_by(&server_key, &issuer)
        .expect("a valid certificate");
    write("server.pem", &server.pem());
    write("server.key", &server_key.serialize_pem());
    write("password", password);
    // PostgreSQL takes no key that others may read.
    let private = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(folder.join("server.key"), private).expect("the file was just made");
}

fn give_away(folder: &Path) {
    let files = fs::read_dir(folder).expect("the folder was just made");
    let files = files.map(|file| file.expect("the folder was just made").path());
    for path in files.chain([folder.to_owned()]) {
        chown(&path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
    }
}
