//! The command line of `tertulia unit`: units for systemd.

use super::address::{HOST, PORT, Where};
use super::failure::Failure;
use super::mode::ModeParser;
use super::print;
use crate::address::Address;
use crate::server::{DRIVERS, Driver};
use crate::text::{Lang, say};
use std::env;
use std::net::IpAddr;
use std::path::PathBuf;

/// Print a systemd unit that runs the server with few rights
///
/// Save it as /etc/systemd/system/tertulia.service, and the one of --socket as tertulia.socket beside it. Settings go into
/// /etc/tertulia.env, as variables: `TERTULIA_MAX_CLIENTS=20`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    address: Where,

    /// How the server waits for its clients
    #[arg(long, value_name = "MODE", default_value = DRIVERS[0].name, value_parser = ModeParser)]
    mode: &'static Driver,

    /// Print the unit of the socket instead: systemd listens, and a restart refuses no connection
    #[arg(long)]
    socket: bool,

    /// Path of the program [default: that of this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let lang = Lang::session();
        if self.socket {
            return Ok(print(socket(&self.address.get(), lang)?.as_bytes())?);
        }
        let program = match self.program {
            Some(path) => path,
            None => env::current_exe().map_err(|e| e.to_string())?,
        };
        let addr = self.address.asked_for().map(|addr| format!(" {addr}")).unwrap_or_default();
        let command = format!("{} serve --quiet --mode {}{addr}", program.display(), self.mode.name);
        Ok(print(service(&command, self.mode, lang).as_bytes())?)
    }
}

/// The unit of the server. Each line that does not explain itself has a comment.
fn service(command: &str, driver: &Driver, lang: Lang) -> String {
    let about = say!(lang, "A group chat over TCP"; "Un chat en grupo por TCP");
    let told = say!(lang,
        "The server says when it is ready, and gives a sign of life twice in this time.";
        "El servidor avisa cuando está listo, y da señales de vida dos veces en este plazo.");
    let quiet = say!(lang,
        "Without --quiet the journal would have all that is said. A line for a history: --history %S/tertulia/talk.jsonl";
        "Sin --quiet quedaría en el journal todo lo que se dice. Para un historial: --history %S/tertulia/charla.jsonl");
    let settings = say!(lang,
        "Settings, one variable a line: TERTULIA_ADDR=0.0.0.0:8889. The file may be missing.";
        "Ajustes, una variable por línea: TERTULIA_ADDR=0.0.0.0:8889. El archivo puede faltar.");
    let files = say!(lang,
        "SIGHUP opens the history again, as logrotate wants it.";
        "SIGHUP vuelve a abrir el historial, como lo quiere logrotate.");
    let limit = say!(lang,
        "One descriptor for each client, and some more.";
        "Un descriptor por cliente, y algunos más.");
    let user = say!(lang,
        "A user that exists only while the server runs, and its two directories: /var/lib/tertulia, /run/tertulia.";
        "Un usuario que existe solo mientras el servidor funciona, y sus dos directorios: /var/lib/tertulia, /run/tertulia.");
    let sees = say!(lang,
        "It sees no home, no device, no other process, and writes only to its directories.";
        "No ve carpetas personales, dispositivos ni otros procesos, y solo escribe en sus directorios.");
    let kernel =
        say!(lang, "It changes nothing of the kernel or the machine."; "No cambia nada del núcleo ni de la máquina.");
    let rights = say!(lang,
        "It gets no rights, neither by itself nor by programs. For a port below 1024 use the unit of the socket.";
        "No obtiene privilegios, ni por sí mismo ni con otros programas. Para un puerto menor que 1024, usa la unidad del socket.");
    let families = say!(lang,
        "TCP, Unix sockets, and the look-up of host names.";
        "TCP, sockets Unix, y la búsqueda de nombres de equipo.");
    let calls = match driver.name {
        "uring" => say!(lang,
            "The system calls of a service, without those of root. @aio, which has io_uring, is needed in this mode alone.";
            "Las llamadas al sistema de un servicio, sin las de root. @aio, que incluye io_uring, solo hace falta en este modo."),
        _ => say!(lang,
            "The system calls of a service, without those of root, and without io_uring (@aio), which only mode uring needs.";
            "Las llamadas al sistema de un servicio, sin las de root y sin io_uring (@aio), que solo usa el modo uring."),
    };
    let denied = if driver.name == "uring" { "@privileged @resources" } else { "@privileged @resources @aio" };
    let denial = say!(lang,
        "Any other call fails, and does not kill the server.";
        "Cualquier otra llamada falla, sin matar al servidor.");
    format!(
        "\
[Unit]
Description={about}
Documentation=man:tertulia(1) man:tertulia-serve(1)
After=network-online.target
Wants=network-online.target

[Service]
# {told}
Type=notify
WatchdogSec=30
# {quiet}
ExecStart={command}
# {settings}
EnvironmentFile=-/etc/tertulia.env
# {files}
ExecReload=kill -HUP $MAINPID
Restart=on-failure
# {limit}
LimitNOFILE=65536

# {user}
DynamicUser=yes
StateDirectory=tertulia
RuntimeDirectory=tertulia
# {sees}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
UMask=0077
# {kernel}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
# {rights}
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
# {families}
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
# {calls}
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~{denied}
# {denial}
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"
    )
}

/// The unit of the socket. systemd resolves no names.
fn socket(addr: &Address, lang: Lang) -> Result<String, Failure> {
    let stream = match addr {
        Address::Unix(path) => format!("{}\nSocketMode=0660", path.display()),
        Address::Tcp(host, _) if host.parse::<IpAddr>().is_ok() => addr.to_string(),
        Address::Tcp(host, _) => {
            return Err(Failure::Usage(say!(lang,
                "systemd does not look up {host}; give its address, such as {HOST}:{PORT}";
                "systemd no busca el nombre {host}; da su dirección, por ejemplo {HOST}:{PORT}")));
        }
    };
    let about = say!(lang, "The socket of a group chat"; "El socket de un chat en grupo");
    let queue = say!(lang,
        "So many may wait while the server starts again.";
        "Tantos pueden esperar mientras el servidor vuelve a iniciarse.");
    Ok(format!(
        "\
[Unit]
Description={about}

[Socket]
ListenStream={stream}
# {queue}
Backlog=4096

[Install]
WantedBy=sockets.target
"
    ))
}
