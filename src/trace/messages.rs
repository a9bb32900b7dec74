//! The sentence for each step, in English and Spanish.

use super::ledger::Event;
use super::step::{Flaw, Pending, Ready, Source, Step};
use crate::text::numbers::short_nanos;
use crate::text::{Lang, say};

/// What a thread did, without the thread's name; `None` for steps that are not worth a sentence.
pub(crate) fn sentence(lang: Lang, event: &Event) -> Option<String> {
    let time = short_nanos(event.end - event.begin);
    Some(match &event.step {
        Step::Wait { may_sleep, ready } => {
            let ready = match ready.len() {
                0 if *may_sleep => {
                    say!(lang, "nobody is ready, but it is time for something"; "nadie está listo, pero es hora de algo")
                }
                0 => say!(lang, "nobody is ready"; "nadie está listo"),
                1 => say!(lang, "1 ready: {}"; "1 listo: {}", ready_list(lang, ready)),
                n => say!(lang, "{n} ready: {}"; "{n} listos: {}", ready_list(lang, ready)),
            };
            match may_sleep {
                true => say!(lang, "slept {time} in wait → {ready}"; "durmió {time} en la espera → {ready}"),
                false => {
                    say!(lang, "there is work left: wait without sleeping → {ready}"; "queda trabajo: espera sin dormir → {ready}")
                }
            }
        }
        Step::Signal { .. } => say!(lang, "took in a signal"; "atendió una señal"),
        Step::Accept { flaw: None, waits: true } => say!(lang,
            "was blocked in accept for {time} → a newcomer";
            "estuvo {time} bloqueado en accept → alguien nuevo"),
        Step::Accept { flaw: None, .. } => say!(lang, "accepted a newcomer"; "aceptó a alguien nuevo"),
        Step::Accept { flaw: Some(Flaw::WouldBlock), .. } => say!(lang,
            "accept: nobody else waits to come in";
            "accept: nadie más espera para entrar"),
        Step::Accept { flaw: Some(Flaw::Failed), .. } => say!(lang, "accept failed"; "accept falló"),
        Step::SetUp => match event.calls.unwrap_or(1) {
            1 => say!(lang,
                "set how long a call may wait on the socket";
                "fijó cuánto puede esperar una llamada en el socket"),
            calls => say!(lang,
                "set the newcomer's socket up, {calls} calls";
                "preparó el socket de quien llega, {calls} llamadas"),
        },
        Step::Watch { client: 0, .. } => say!(lang,
            "asked the poll to watch the newcomer";
            "pidió a la espera que vigile a quien llega"),
        Step::Watch { client, writable: true } => say!(lang,
            "asked to be told when #{client} is writable";
            "pidió que le avisen cuando #{client} admita escritura"),
        Step::Watch { client, writable: false } => say!(lang,
            "#{client} is up to date: asked to be told only when it sends";
            "#{client} está al día: pidió aviso solo cuando envíe"),
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
            "was blocked in read for {time} → the end: #{client} sends no more";
            "estuvo {time} bloqueado en read → el fin: #{client} no envía más"),
        Step::Read { client, bytes: 0, .. } => say!(lang,
            "read the end from #{client}: it sends no more";
            "leyó el fin de #{client}: no envía más"),
        Step::Read { client, bytes, waits: true, .. } => say!(lang,
            "was blocked in read for {time} → {bytes} bytes from #{client}";
            "estuvo {time} bloqueado en read → {bytes} bytes de #{client}"),
        Step::Read { client, bytes, asked, .. } if bytes < asked => say!(lang,
            "read {bytes} bytes from #{client}; nothing left";
            "leyó {bytes} bytes de #{client}; no queda nada"),
        Step::Read { client, bytes, .. } => say!(lang,
            "read {bytes} bytes from #{client}; there may be more";
            "leyó {bytes} bytes de #{client}; puede haber más"),
        Step::Lock { waited: false } => {
            say!(lang, "the room was free: locked it"; "la sala estaba libre: la cerró con llave")
        }
        Step::Lock { waited: true } => say!(lang,
            "waited {time} for the room's lock";
            "esperó {time} la llave de la sala"),
        Step::Ingested { pending } if pending.is_empty() => {
            event.cause?;
            say!(lang, "the room takes it in: nothing to send on"; "la sala lo anota: nada que enviar")
        }
        Step::Ingested { pending } => {
            let list = pending_list(pending);
            match event.cause {
                Some(0) => {
                    say!(lang, "the newcomer is in the room; queued for {list}"; "quien llega está en la sala; en cola para {list}")
                }
                Some(client) => {
                    say!(lang, "what #{client} sent is taken in; queued for {list}"; "la sala anota lo de #{client}; en cola para {list}")
                }
                None => {
                    say!(lang, "the room tells something; queued for {list}"; "la sala dice algo; en cola para {list}")
                }
            }
        }
        Step::Inside => say!(lang, "gave the room back after {time}"; "dejó la sala libre tras {time}"),
        Step::Write { client, waits: true, flaw: Some(Flaw::WouldBlock), .. } => say!(lang,
            "was blocked in write for {time}: #{client} takes nothing";
            "estuvo {time} bloqueado en write: #{client} no toma nada"),
        Step::Write { client, offered, waits: true, bytes, flaw: None, .. } => say!(lang,
            "was blocked in write for {time} → #{client} took {bytes} of {offered} bytes";
            "estuvo {time} bloqueado en write → #{client} tomó {bytes} de {offered} bytes"),
        Step::Write { client, offered, bytes, .. } if bytes == offered => {
            say!(lang, "wrote {bytes} bytes to #{client}"; "escribió {bytes} bytes a #{client}")
        }
        Step::Write { client, flaw: Some(Flaw::Failed), .. } => say!(lang,
            "the write to #{client} failed: its connection broke";
            "la escritura a #{client} falló: se rompió la conexión"),
        Step::Write { client, offered, bytes, .. } => say!(lang,
            "#{client} took {bytes} of {offered} bytes: its socket is full";
            "#{client} tomó {bytes} de {offered} bytes: su socket está lleno"),
        Step::Settled { .. } => return None,
        Step::HandOver { client, bytes } => say!(lang,
            "handed the other {bytes} bytes for #{client} to its writer, who may wait";
            "pasó los otros {bytes} bytes para #{client} a su escritor, que puede esperar"),
        Step::Park { client: 0 } => say!(lang,
            "slept {time} until there was a free seat";
            "durmió {time} hasta que hubo un sitio libre"),
        Step::Park { client } if event.unfinished => say!(lang,
            "waits in the room for #{client}'s sake, for {time} so far";
            "espera en la sala por #{client} desde hace {time}"),
        Step::Park { client } => say!(lang,
            "slept {time} in the room until it could go on with #{client}";
            "durmió {time} en la sala hasta poder seguir con #{client}"),
        Step::Refuse { .. } => {
            say!(lang, "told the newcomer that the room is full"; "dijo a quien llega que la sala está llena")
        }
        Step::Discard { bytes: 0, .. } => {
            say!(lang, "one who left: nothing more comes"; "quien se fue: no llega nada más")
        }
        Step::Discard { bytes, .. } => say!(lang,
            "threw away {bytes} bytes of one who left";
            "tiró {bytes} bytes de quien se fue"),
        Step::Shutdown { client: 0 } => {
            say!(lang, "shut the newcomer's connection down"; "cerró la conexión de quien llega")
        }
        Step::Shutdown { client } => say!(lang,
            "shut the connection to #{client} down";
            "cerró la conexión con #{client}"),
        Step::Close { client: 0 } => say!(lang, "closed the socket of one who left"; "cerró el socket de quien se fue"),
        Step::Close { client } => say!(lang, "closed #{client}'s socket"; "cerró el socket de #{client}"),
        Step::Show { .. } => say!(lang, "showed it on the console"; "lo mostró en la consola"),
    })
}

fn ready_list(lang: Lang, ready: &[Ready]) -> String {
    const NAMED_MAX: usize = 8;
    let name = |ready: &Ready| match ready.source {
        Source::Listener => say!(lang, "listener"; "puerto de escucha"),
        Source::Signals => say!(lang, "a signal"; "una señal"),
        Source::Leaver => say!(lang, "one who left"; "quien se fue"),
        Source::Client(client) => match (ready.readable, ready.writable) {
            (true, true) => say!(lang, "#{client} readable and writable"; "#{client} legible y escribible"),
            (false, true) => say!(lang, "#{client} writable"; "#{client} escribible"),
            _ => say!(lang, "#{client} readable"; "#{client} legible"),
        },
    };
    let names: Vec<_> = ready.iter().take(NAMED_MAX).map(name).collect();
    let more = if ready.len() > NAMED_MAX { ", …" } else { "" };
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
        let record =
            Record { track: 1, begin: 0, end: 812_000_000, step: Step::Wait { may_sleep: true, ready }, call: None };
        let event = Event::from(record);
        let said = |lang| sentence(lang, &event).expect("a sentence");
        assert_eq!(said(Lang::En), "slept 812 ms in wait → 2 ready: listener, #3 readable");
        assert_eq!(said(Lang::Es), "durmió 812 ms en la espera → 2 listos: puerto de escucha, #3 legible");
    }
}
