// Draws what a server did, and tells it step by step. In three files, which are one script: the texts and numbers (this one), one
// server's timeline, and the page around them.

'use strict';

const WORDS = {
  en: {
    several: 'tertulia compare: one talk, each way of waiting', beside: 'Side by side:',
    facts: f => `${f.messages} messages · ${f.calls} system calls · ${f.threads} ${f.threads === 1 ? 'thread' : 'threads'}`,
    atWork: share => ` · at work ${share} of the time`,
    lost: n => ` · ${n} steps were lost: these counts are too low, and the time at work is unknown`, leftOut: n => ` · the last ${n} steps are not shown`,
    cores: n => n === 1 ? '1 core' : `${n} cores`,
    thread: 'thread', socket: 'socket', ingested: 'room', loop: 'event loop', room: 'the room', roomNote: 'one at a time',
    step: (i, n) => `step ${i} of ${n}`, message: (i, n) => `message ${i} of ${n}`, noMessage: 'no message',
    fit: 'fit', all: 'all', play: '▶ play', pause: '❚❚ pause', language: 'español',
    lasts: 'lasts', at: 'at', call: 'system call', partOf: 'message',
    search: 'search (/)', found: (i, n) => n ? `${i || '–'} of ${n}` : 'none',
    from: (m, who) => m.from ? `from ${who(m.from)}` : 'from the room',
    says: text => ` “${text}”`,
    story: (m, s, who) => ` ${WORDS.en.from(m, who)} to ${s.to}: ${s.time} from ${s.slept ? 'waking' : 'its first step'} to the last receiver · ${s.calls}` +
      (m.whole ? '' : ' · not all have got it'),
    legend: { sleep: 'sleeps', read: 'reads', ingested: 'in the room', inside: 'holds the room’s lock', write: 'writes', lock: 'waits for another thread', other: 'all else', path: 'the message’s way' },
    buttons: {
      first: 'first step (Home)', back: 'one step back (←)', play: 'play: a step every 1.6 seconds (Space)', on: 'one step on (→)',
      earlier: 'the message before (↑)', later: 'the next message (↓)', in: 'zoom in (+)', out: 'zoom out (−)',
      fit: 'show the whole message (0)', all: 'show the whole recording (A)', lang: 'en español (L)', theme: 'dark or light (T)', ask: 'help: what you see, and all keys (?)',
      search: 'search in steps, names and texts (/); Enter goes to the next one',
    },
    help: `<h2>What you see</h2>
      <p>Time runs to the right. Each thread has a lane, and so has each client’s socket. An arrow up is bytes read from a socket,
      an arrow down is bytes written to one. Where everybody sleeps the paper is <b>folded</b>; the fold says for how long.</p>
      <p>An outline around the steps of a thread: it holds the room’s lock. Where the outline is empty it makes no system
      call: it copies out what each receiver shall get, or notes what the sockets took.</p>
      <p>A message’s time counts from when the thread woke that read it. The time at work is that in which at least one thread
      does not sleep.</p>
      <table>
      <tr><td><kbd>←</kbd> <kbd>→</kbd></td><td>one step back, one on</td></tr>
      <tr><td><kbd>↑</kbd> <kbd>↓</kbd></td><td>follow the message before, the next one; or click any step of one</td></tr>
      <tr><td><kbd>Space</kbd></td><td>play</td></tr>
      <tr><td><kbd>/</kbd></td><td>search; <kbd>Enter</kbd> goes to the next place, <kbd>Shift</kbd> <kbd>Enter</kbd> to the one before</td></tr>
      <tr><td><kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> <kbd>A</kbd></td><td>zoom in, out, fit the message, show all; or the wheel, and drag</td></tr>
      <tr><td><kbd>Tab</kbd></td><td>the next server, where there are several</td></tr>
      <tr><td><kbd>Esc</kbd></td><td>follow no message</td></tr>
      <tr><td><kbd>L</kbd> <kbd>T</kbd></td><td>español, dark or light</td></tr></table>
      <p>The address tells where you are (<code>#step=12&amp;message=3&amp;lang=es</code>): link to it.</p>`,
  },
  es: {
    several: 'tertulia compare: una charla, cada forma de esperar', beside: 'Lado a lado:',
    facts: f => `${f.messages} mensajes · ${f.calls} llamadas al sistema · ${f.threads} ${f.threads === 1 ? 'hilo' : 'hilos'}`,
    atWork: share => ` · trabaja el ${share} del tiempo`,
    lost: n => ` · se perdieron ${n} pasos: estas cuentas se quedan cortas, y no se sabe cuánto tiempo trabaja`, leftOut: n => ` · los últimos ${n} pasos no se muestran`,
    cores: n => n === 1 ? '1 núcleo' : `${n} núcleos`,
    thread: 'hilo', socket: 'socket', ingested: 'sala', loop: 'el bucle', room: 'la sala', roomNote: 'de uno en uno',
    step: (i, n) => `paso ${i} de ${n}`, message: (i, n) => `mensaje ${i} de ${n}`, noMessage: 'ningún mensaje',
    fit: 'encajar', all: 'todo', play: '▶ reproducir', pause: '❚❚ pausa', language: 'English',
    lasts: 'dura', at: 'en', call: 'llamada al sistema', partOf: 'mensaje',
    search: 'buscar (/)', found: (i, n) => n ? `${i || '–'} de ${n}` : 'nada',
    from: (m, who) => m.from ? `de ${who(m.from)}` : 'de la sala',
    says: text => ` «${text}»`,
    story: (m, s, who) => ` ${WORDS.es.from(m, who)} a ${s.to}: ${s.time} desde ${s.slept ? 'el despertar' : 'su primer paso'} hasta el último receptor · ${s.calls}` +
      (m.whole ? '' : ' · no todos lo tienen'),
    legend: { sleep: 'duerme', read: 'lee', ingested: 'en la sala', inside: 'tiene el cerrojo de la sala', write: 'escribe', lock: 'espera a otro hilo', other: 'lo demás', path: 'camino del mensaje' },
    buttons: {
      first: 'primer paso (Inicio)', back: 'un paso atrás (←)', play: 'reproducir: un paso cada 1,6 segundos (Espacio)', on: 'un paso adelante (→)',
      earlier: 'el mensaje anterior (↑)', later: 'el mensaje siguiente (↓)', in: 'acercar (+)', out: 'alejar (−)',
      fit: 'ver el mensaje entero (0)', all: 'ver toda la grabación (A)', lang: 'in English (L)', theme: 'oscuro o claro (T)', ask: 'ayuda: qué se ve y todas las teclas (?)',
      search: 'buscar en pasos, nombres y textos (/); Intro va al siguiente',
    },
    help: `<h2>Lo que ves</h2>
      <p>El tiempo corre hacia la derecha. Cada hilo tiene su carril, y el socket de cada cliente también. Una flecha hacia arriba
      son bytes leídos de un socket; hacia abajo, bytes escritos. Donde todos duermen el papel está <b>plegado</b>; el pliegue
      dice cuánto tiempo.</p>
      <p>Un contorno alrededor de los pasos de un hilo: tiene el cerrojo de la sala. Donde el contorno está vacío no hace
      ninguna llamada al sistema: copia lo que ha de recibir cada uno, o anota lo que tomaron los sockets.</p>
      <p>El tiempo de un mensaje cuenta desde que despertó el hilo que lo leyó. El tiempo de trabajo es aquel en que al menos un
      hilo no duerme.</p>
      <table>
      <tr><td><kbd>←</kbd> <kbd>→</kbd></td><td>un paso atrás, un paso adelante</td></tr>
      <tr><td><kbd>↑</kbd> <kbd>↓</kbd></td><td>seguir el mensaje anterior, el siguiente; o pulsa un paso suyo</td></tr>
      <tr><td><kbd>Espacio</kbd></td><td>reproducir</td></tr>
      <tr><td><kbd>/</kbd></td><td>buscar; <kbd>Intro</kbd> va al lugar siguiente, <kbd>Mayús</kbd> <kbd>Intro</kbd> al anterior</td></tr>
      <tr><td><kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> <kbd>A</kbd></td><td>acercar, alejar, encajar el mensaje, verlo todo; o la rueda, y arrastrar</td></tr>
      <tr><td><kbd>Tab</kbd></td><td>el servidor siguiente, si hay varios</td></tr>
      <tr><td><kbd>Esc</kbd></td><td>no seguir ningún mensaje</td></tr>
      <tr><td><kbd>L</kbd> <kbd>T</kbd></td><td>English, oscuro o claro</td></tr></table>
      <p>La dirección dice dónde estás (<code>#step=12&amp;message=3&amp;lang=es</code>): enlázala.</p>`,
  },
};

const byId = id => document.getElementById(id);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const sum = list => list.reduce((a, b) => a + b, 0);

/** A number as the page's language writes it. */
const decimal = text => document.documentElement.lang === 'es' ? text.replace('.', ',') : text;

/** Microseconds, as people say them. */
function time(us) {
  const say = (x, unit) => `${decimal(x < 9.95 ? x.toFixed(1) : String(Math.round(x)))} ${unit}`;
  if (us < 1) return `${Math.round(us * 1000)} ns`;
  if (us < 1e3) return say(us, 'µs');
  return us < 1e6 ? say(us / 1e3, 'ms') : say(us / 1e6, 's');
}

/** A share of one, as people say it. */
function percent(share) {
  const percent = share * 100;
  return decimal(`${percent < 1 ? percent.toPrecision(1) : Math.round(percent)} %`);
}

/** Bytes, as people say them. */
function bytes(n) {
  if (n < 10e3) return `${n} B`;
  return n < 10e6 ? `${Math.round(n / 1024)} KiB` : `${Math.round(n / 1024 ** 2)} MiB`;
}

/** An element of HTML with a class and children. Texts from the recording are never parsed as HTML. */
function element(name, className, ...children) {
  const element = document.createElement(name);
  element.className = className;
  element.append(...children);
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

