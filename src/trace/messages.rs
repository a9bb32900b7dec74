//! The sentence for each step, in English and Spanish.

use super::ledger::Event;
use super::step::{Flaw, Pending, Ready, Source, Step};
use crate::text::numbers::short_nanos;
use crate::text::{Lang, say};

/// What a thread did, without the thread's name; `None` for steps that are not worth a sentence.
pub(crate) fn sentence(lang: Lang, event: &Event) -> Option<String> {
    let time = short_nanos(lang, event.end - event.begin);
    Some(match &event.step {
        Step::Wait { may_sleep, ready, submitted: Some(submitted), .. } => {
            let handed_over = match submitted {
                0 => say!(lang, "nothing to hand over"; "nada que entregar"),
                1 => say!(lang, "handed over 1 operation"; "entregó 1 operación"),
                n => say!(lang, "handed over {n} operations"; "entregó {n} operaciones"),
            };
            let complete = match ready.len() {
                0 => say!(lang, "nothing is complete"; "nada ha terminado"),
                n => say!(lang, "{n} complete: {}"; "{n} terminadas: {}", complete_list(lang, ready)),
            };
            match may_sleep {
                true => {
                    say!(lang, "{handed_over}, slept {time} → {complete}"; "{handed_over}, durmió {time} → {complete}")
                }
                false => {
                    say!(lang, "there is work left: {handed_over}, without sleeping → {complete}"; "queda trabajo: {handed_over}, sin dormir → {complete}")
                }
            }
        }
        Step::Queue { client, bytes } => {
            say!(lang, "queued a send of {bytes} bytes to #{client}"; "puso en cola un envío de {bytes} bytes a #{client}")
        }
        Step::Wait { ready, wakes: true, .. } => {
            let woken = match ready.len() {
                0 => say!(lang, "no task was woken"; "no se despertó ninguna tarea"),
                1 => say!(lang, "1 task was woken: {}"; "se despertó 1 tarea: {}", task_list(lang, ready)),
                n => say!(lang, "{n} tasks were woken: {}"; "se despertaron {n} tareas: {}", task_list(lang, ready)),
            };
            say!(lang,
                "no task was ready: slept {time} in wait → {woken}";
                "ninguna tarea estaba lista: durmió {time} en la espera → {woken}")
        }
        Step::Woken { task } => say!(lang, "woke {}"; "despertó {}", task_name(lang, task)),
        Step::Polled { task } => say!(lang, "polled {}"; "sondeó {}", task_name(lang, task)),
        Step::Pending { task } => say!(lang,
            "{} is pending: it waits, and the thread goes on";
            "{} queda pendiente: espera, y el hilo sigue", task_name(lang, task)),
        Step::Wait { may_sleep, ready, submitted: None, .. } => {
            let ready = match ready.len() {
                0 if *may_sleep => {
                    say!(lang, "no socket is ready: a timer ran out, or a signal arrived"; "ningún socket está listo: venció un temporizador, o llegó una señal")
                }
                0 => say!(lang, "no socket is ready"; "ningún socket está listo"),
                1 => say!(lang, "1 ready: {}"; "1 listo: {}", ready_list(lang, ready)),
                n => say!(lang, "{n} ready: {}"; "{n} listos: {}", ready_list(lang, ready)),
            };
            match may_sleep {
                true => say!(lang, "slept {time} in wait → {ready}"; "durmió {time} en la espera → {ready}"),
                false => {
                    say!(lang, "work is left, so it asked without sleeping → {ready}"; "queda trabajo, así que preguntó sin dormir → {ready}")
                }
            }
        }
        Step::Signal { .. } => say!(lang, "handled a signal"; "atendió una señal"),
        Step::Accept { flaw: None, waits: true } => say!(lang,
            "was blocked in accept for {time} → a new connection";
            "estuvo {time} bloqueado en accept → una conexión nueva"),
        Step::Accept { flaw: None, .. } => say!(lang, "accepted a new connection"; "aceptó una conexión nueva"),
        Step::Accept { flaw: Some(Flaw::WouldBlock), .. } => say!(lang,
            "accept: no other connection waits";
            "accept: no espera ninguna otra conexión"),
        Step::Accept { flaw: Some(Flaw::Failed), .. } => say!(lang, "accept failed"; "accept falló"),
        Step::SetUp => match event.calls.unwrap_or(1) {
            _ if event.call.as_deref() == Some("connect") => say!(lang,
                "began a connection of its own, to the room's log";
                "empezó una conexión propia, con el registro de la sala"),
            1 => say!(lang,
                "set the socket's timeout";
                "fijó el tiempo límite del socket"),
            calls => say!(lang,
                "set the options of the new socket, {calls} calls";
                "ajustó las opciones del socket nuevo, {calls} llamadas"),
        },
        Step::Watch { client: 0, .. } => say!(lang,
            "asked epoll to watch the new socket";
            "pidió a epoll que vigile el socket nuevo"),
        Step::Watch { client, writable: true } => say!(lang,
            "asked epoll to report when #{client} is writable";
            "pidió a epoll que avise cuando #{client} admita escritura"),
        Step::Watch { client, writable: false } => say!(lang,
            "#{client} has got everything: asked epoll to report only when it sends";
            "#{client} lo tiene todo: pidió a epoll que avise solo cuando envíe"),
        Step::Spawn { thread } => say!(lang, "started the thread {thread}"; "creó el hilo {thread}"),
        Step::Read { client, flaw: Some(Flaw::WouldBlock), .. } => say!(lang,
            "read from #{client}: nothing left";
            "leyó de #{client}: no queda nada"),
        Step::Read { client, flaw: Some(Flaw::Failed), .. } => say!(lang,
            "the read from #{client} failed: its connection broke";
            "la lectura de #{client} falló: se rompió la conexión"),
        Step::Read { client, bytes: 0, .. } if event.unfinished => say!(lang,
            "is blocked in read, for {time} so far: #{client} says nothing";
            "está bloqueado en read desde hace {time}: #{client} no dice nada"),
        Step::Read { client, bytes: 0, waits: true, .. } => say!(lang,
            "was blocked in read for {time} → the end-of-file: #{client} sends no more";
            "estuvo {time} bloqueado en read → el fin de datos: #{client} no envía más"),
        Step::Read { client, bytes: 0, .. } => say!(lang,
            "read the end-of-file from #{client}: it sends no more";
            "leyó el fin de datos de #{client}: no envía más"),
        Step::Read { client, bytes, waits: true, .. } => say!(lang,
            "was blocked in read for {time} → {bytes} bytes from #{client}";
            "estuvo {time} bloqueado en read → {bytes} bytes de #{client}"),
        Step::Read { client, bytes, buffer: Some(buffer), .. } => say!(lang,
            "{bytes} bytes from #{client} were received in buffer {buffer}";
            "se recibieron {bytes} bytes de #{client} en el búfer {buffer}"),
        Step::Read { client, bytes, asked, .. } if bytes < asked => say!(lang,
            "read {bytes} bytes from #{client}; nothing left";
            "leyó {bytes} bytes de #{client}; no queda nada"),
        Step::Read { client, bytes, .. } => say!(lang,
            "read {bytes} bytes from #{client}; there may be more";
            "leyó {bytes} bytes de #{client}; puede haber más"),
        Step::Lock { waited: false } => {
            say!(lang, "locked the room"; "tomó el cerrojo de la sala")
        }
        Step::Lock { waited: true } => say!(lang,
            "waited {time} for the room's lock";
            "esperó {time} el cerrojo de la sala"),
        Step::Ingested { pending } if pending.is_empty() => {
            event.cause?;
            say!(lang, "handled the input: nothing to send"; "trató la entrada: nada que enviar")
        }
        Step::Ingested { pending } => {
            let list = pending_list(pending);
            match event.cause {
                Some(0) => {
                    say!(lang, "the new client is in the room; queued for {list}"; "el cliente nuevo está en la sala; en cola para {list}")
                }
                Some(client) => {
                    say!(lang, "handled the input of #{client}; queued for {list}"; "trató la entrada de #{client}; en cola para {list}")
                }
                None => {
                    say!(lang, "the room has a notice; queued for {list}"; "la sala tiene un aviso; en cola para {list}")
                }
            }
        }
        Step::Inside => say!(lang, "unlocked the room after {time}"; "soltó el cerrojo tras {time}"),
        Step::Write { client, waits: true, flaw: Some(Flaw::WouldBlock), .. } => say!(lang,
            "was blocked in write for {time}: #{client} takes nothing";
            "estuvo {time} bloqueado en write: #{client} no toma nada"),
        Step::Write { client, offered, waits: true, bytes, flaw: None, .. } => say!(lang,
            "was blocked in write for {time} → #{client} took {bytes} of {offered} bytes";
            "estuvo {time} bloqueado en write → #{client} tomó {bytes} de {offered} bytes"),
        // It was no call of the server's own.
        Step::Write { client, offered, bytes, .. } if bytes == offered && event.call.is_none() => {
            say!(lang, "the kernel has sent {bytes} bytes to #{client}"; "el núcleo ha enviado {bytes} bytes a #{client}")
        }
        Step::Write { client, offered, bytes, .. } if bytes == offered => {
            say!(lang, "wrote {bytes} bytes to #{client}"; "escribió {bytes} bytes a #{client}")
        }
        Step::Write { client, flaw: Some(Flaw::Failed), .. } => say!(lang,
            "the write to #{client} failed: its connection broke";
            "la escritura a #{client} falló: se rompió la conexión"),
        Step::Write { client, offered, bytes, .. } => say!(lang,
            "#{client} took {bytes} of {offered} bytes: its socket is full";
            "#{client} tomó {bytes} de {offered} bytes: su socket está lleno"),
        Step::Settled { .. } | Step::Told { .. } => return None,
        Step::HandOver { client, bytes } => say!(lang,
            "handed the other {bytes} bytes for #{client} to its writer thread, which may block";
            "pasó los otros {bytes} bytes para #{client} a su hilo escritor, que puede bloquearse"),
        Step::Park { client: 0 } => say!(lang,
            "slept {time} until there was a free seat";
            "durmió {time} hasta que hubo una plaza libre"),
        Step::Park { client } if event.unfinished => say!(lang,
            "waits until it may go on with #{client}, for {time} so far";
            "espera a poder seguir con #{client} desde hace {time}"),
        Step::Park { client } => say!(lang,
            "slept {time} until it could go on with #{client}";
            "durmió {time} hasta poder seguir con #{client}"),
        Step::Refuse { .. } => {
            say!(lang, "told the new client that the room is full"; "dijo al cliente nuevo que la sala está llena")
        }
        Step::Discard { bytes: 0, .. } => {
            say!(lang, "a client that left sends no more"; "un cliente que se fue no envía más")
        }
        Step::Discard { bytes, .. } => say!(lang,
            "discarded {bytes} bytes of a client that left";
            "descartó {bytes} bytes de un cliente que se fue"),
        Step::Shutdown { client: 0 } => {
            say!(lang, "shut down the new connection"; "cerró la conexión nueva")
        }
        Step::Shutdown { client } => say!(lang,
            "shut down the connection to #{client}";
            "cerró la conexión con #{client}"),
        Step::Close { client: 0 } => {
            say!(lang, "closed the socket of a client that left"; "cerró el socket de un cliente que se fue")
        }
        Step::Close { client } => say!(lang, "closed #{client}'s socket"; "cerró el socket de #{client}"),
        Step::Show { .. } => say!(lang, "wrote it to the console"; "lo escribió en la consola"),
    })
}

fn complete_list(lang: Lang, complete: &[Ready]) -> String {
    list(complete, |complete| match complete.source {
        Source::Listener => say!(lang, "an accept"; "un accept"),
        Source::Signals => say!(lang, "a poll: a signal"; "un poll: una señal"),
        Source::Terminal => say!(lang, "a poll: the terminal"; "un poll: el terminal"),
        Source::Metrics => say!(lang, "a poll: the metrics"; "un poll: las métricas"),
        Source::Leaver => say!(lang, "an operation of a client that left"; "una operación de un cliente que se fue"),
        Source::Writer => task_name(lang, &complete.source),
        Source::Client(client) if complete.writable => say!(lang, "a send to #{client}"; "un envío a #{client}"),
        Source::Client(client) => say!(lang, "a receive from #{client}"; "una recepción de #{client}"),
    })
}

fn ready_list(lang: Lang, ready: &[Ready]) -> String {
    list(ready, |ready| match ready.source {
        Source::Listener => say!(lang, "listener"; "el socket de escucha"),
        Source::Signals => say!(lang, "a signal"; "una señal"),
        Source::Terminal => say!(lang, "the terminal"; "el terminal"),
        Source::Metrics => say!(lang, "the metrics"; "las métricas"),
        Source::Leaver => say!(lang, "a client that left"; "un cliente que se fue"),
        Source::Writer => task_name(lang, &ready.source),
        Source::Client(client) => match (ready.readable, ready.writable) {
            (true, true) => say!(lang, "#{client} readable and writable"; "#{client} legible y escribible"),
            (false, true) => say!(lang, "#{client} writable"; "#{client} escribible"),
            _ => say!(lang, "#{client} readable"; "#{client} legible"),
        },
    })
}

fn task_list(lang: Lang, tasks: &[Ready]) -> String {
    list(tasks, |task| task_name(lang, &task.source))
}

fn task_name(lang: Lang, task: &Source) -> String {
    match task {
        Source::Listener => say!(lang, "the accepting task"; "la tarea que acepta"),
        Source::Signals => say!(lang, "the task for signals"; "la tarea de las señales"),
        Source::Terminal => say!(lang, "the task for the terminal"; "la tarea del terminal"),
        Source::Metrics => say!(lang, "the task for the metrics"; "la tarea de las métricas"),
        Source::Leaver => say!(lang, "the task of a client that left"; "la tarea de un cliente que se fue"),
        Source::Writer => say!(lang, "the writing task"; "la tarea que escribe"),
        Source::Client(client) => say!(lang, "the task of #{client}"; "la tarea de #{client}"),
    }
}

fn list(sources: &[Ready], name: impl Fn(&Ready) -> String) -> String {
    const NAMED_MAX: usize = 8;
    let names: Vec<_> = sources.iter().take(NAMED_MAX).map(name).collect();
    let more = if sources.len() > NAMED_MAX { ", …" } else { "" };
    names.join(", ") + more
}

fn pending_list(pending: &[Pending]) -> String {
    const NAMED_MAX: usize = 8;
    let names: Vec<_> = pending.iter().take(NAMED_MAX).map(|pending| format!("#{}", pending.client)).collect();
    let more = if pending.len() > NAMED_MAX { ", …" } else { "" };
    names.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;

    #[test]
    fn a_sentence_says_who_how_much_and_how_long() {
        let ready = vec![
            Ready { source: Source::Listener, readable: true, writable: false },
            Ready { source: Source::Client(3), readable: true, writable: false },
        ];
        let record = Record {
            track: 1,
            begin: 0,
            end: 812_000_000,
            step: Step::Wait { may_sleep: true, ready, submitted: None, wakes: false },
            call: None,
        };
        let event = Event::from(record);
        let said = |lang| sentence(lang, &event).expect("a sentence");
        assert_eq!(said(Lang::En), "slept 812 ms in wait → 2 ready: listener, #3 readable");
        assert_eq!(said(Lang::Es), "durmió 812 ms en la espera → 2 listos: el socket de escucha, #3 legible");
    }
}
