// Draws what a server did, and tells it step by step.
//
// A server sleeps for seconds and works for microseconds. Drawn to one scale, either nothing but sleep would be seen or the
// next line would be a kilometre away. So the time axis is folded: where any thread works, a microsecond has its length; where
// all sleep, the paper is folded, and the fold says how long it was.
//
// In this file: words, the folded axis, a timeline (one server's lanes), the page (keys, buttons, what is told).

'use strict';

const WORDS = {
  en: {
    several: 'tertulia compare: one talk, each way of waiting',
    facts: f => `${f.messages} messages · ${f.calls} system calls · ${f.threads} ${f.threads === 1 ? 'thread' : 'threads'}`,
    atWork: share => ` · at work ${share} of the time`,
    lost: n => ` · ${n} steps were lost: these counts are too low, and the time at work is unknown`, leftOut: n => ` · the last ${n} steps are not shown`,
    thread: 'thread', socket: 'socket', ingested: 'room', loop: 'event loop', room: 'the room', roomNote: 'one at a time',
    step: (i, n) => `step ${i} of ${n}`, message: (i, n) => `message ${i} of ${n}`, noMessage: 'no message',
    fit: 'fit', all: 'all', allSleep: 'all sleep', somebody: 'the room',
    from: m => m.from ? `from #${m.from}` : 'told by the room',
    story: (m, s) => `<b>message ${m.id}</b> ${WORDS.en.from(m)} to ${s.to}: ` +
      `${s.time} from ${s.slept ? 'waking' : 'its first step'} to the last receiver · ${s.calls}` + (m.whole ? '' : ' · not all have got it'),
    help: `<h2>What you see</h2>
      <p>Time runs to the right. Each thread has a lane, and so has each client’s socket. An arrow up is bytes read from a socket,
      an arrow down is bytes written to one. Where everybody sleeps the paper is <b>folded</b>; the fold says for how long.</p>
      <p>{sleep}sleeps {read}reads {ingested}in the room {write}writes {lock}waits for another thread {other}all else</p>
      <p>{inside}An outline around the steps of a thread: it holds the room’s lock. Where the outline is empty it makes no system
      call: it copies out what each receiver shall get, or notes what the sockets took.</p>
      <p>A message’s time counts from when the thread woke that read it. The time at work is that in which at least one thread
      does not sleep.</p>
      <table>
      <tr><td><kbd>←</kbd> <kbd>→</kbd></td><td>one step back, one on</td></tr>
      <tr><td><kbd>↑</kbd> <kbd>↓</kbd></td><td>follow the message before, the next one; or click any step of one</td></tr>
      <tr><td><kbd>Space</kbd></td><td>play</td></tr>
      <tr><td><kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> <kbd>A</kbd></td><td>zoom in, out, fit the message, show all; or the wheel, and drag</td></tr>
      <tr><td><kbd>Tab</kbd></td><td>the next server, where there are several</td></tr>
      <tr><td><kbd>Esc</kbd></td><td>follow no message</td></tr>
      <tr><td><kbd>L</kbd> <kbd>T</kbd></td><td>español, dark or light</td></tr></table>
      <p>The address tells where you are (<code>#step=12&amp;message=3&amp;lang=es</code>): link to it.</p>`,
  },
  es: {
    several: 'tertulia compare: una charla, cada forma de esperar',
    facts: f => `${f.messages} mensajes · ${f.calls} llamadas al sistema · ${f.threads} ${f.threads === 1 ? 'hilo' : 'hilos'}`,
    atWork: share => ` · trabaja el ${share} del tiempo`,
    lost: n => ` · se perdieron ${n} pasos: estas cuentas se quedan cortas, y no se sabe cuánto tiempo trabaja`, leftOut: n => ` · los últimos ${n} pasos no se muestran`,
    thread: 'hilo', socket: 'socket', ingested: 'sala', loop: 'el bucle', room: 'la sala', roomNote: 'de uno en uno',
    step: (i, n) => `paso ${i} de ${n}`, message: (i, n) => `mensaje ${i} de ${n}`, noMessage: 'ningún mensaje',
    fit: 'encajar', all: 'todo', allSleep: 'todos duermen', somebody: 'la sala',
    from: m => m.from ? `de #${m.from}` : 'dicho por la sala',
    story: (m, s) => `<b>mensaje ${m.id}</b> ${WORDS.es.from(m)} a ${s.to}: ` +
      `${s.time} desde ${s.slept ? 'el despertar' : 'su primer paso'} hasta el último receptor · ${s.calls}` + (m.whole ? '' : ' · no todos lo tienen'),
    help: `<h2>Lo que ves</h2>
      <p>El tiempo corre hacia la derecha. Cada hilo tiene su carril, y el socket de cada cliente también. Una flecha hacia arriba
      son bytes leídos de un socket; hacia abajo, bytes escritos. Donde todos duermen el papel está <b>plegado</b>; el pliegue
      dice cuánto tiempo.</p>
      <p>{sleep}duerme {read}lee {ingested}en la sala {write}escribe {lock}espera a otro hilo {other}lo demás</p>
      <p>{inside}Un contorno alrededor de los pasos de un hilo: tiene el cerrojo de la sala. Donde el contorno está vacío no hace
      ninguna llamada al sistema: copia lo que ha de recibir cada uno, o anota lo que tomaron los sockets.</p>
      <p>El tiempo de un mensaje cuenta desde que despertó el hilo que lo leyó. El tiempo de trabajo es aquel en que al menos un
      hilo no duerme.</p>
      <table>
      <tr><td><kbd>←</kbd> <kbd>→</kbd></td><td>un paso atrás, un paso adelante</td></tr>
      <tr><td><kbd>↑</kbd> <kbd>↓</kbd></td><td>seguir el mensaje anterior, el siguiente; o pulsa un paso suyo</td></tr>
      <tr><td><kbd>Espacio</kbd></td><td>reproducir</td></tr>
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

/** Microseconds, as people say them. */
function time(us) {
  const say = (x, unit) => `${x < 9.95 ? x.toFixed(1) : Math.round(x)} ${unit}`;
  if (us < 1) return `${Math.round(us * 1000)} ns`;
  if (us < 1e3) return say(us, 'µs');
  return us < 1e6 ? say(us / 1e3, 'ms') : say(us / 1e6, 's');
}

/** Bytes, as people say them. */
function bytes(n) {
  if (n < 10e3) return `${n} B`;
  return n < 10e6 ? `${Math.round(n / 1024)} KiB` : `${Math.round(n / 1024 ** 2)} MiB`;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// ---- The folded axis ----

/** Gaps in the work shorter than this are drawn as they are. Microseconds. */
const GAP = 120;

/** Time to pixels and back. `scale` is pixels a microsecond, where there is work. */
class Axis {
  constructor(steps) {
    const busy = steps.filter(step => !step.z).map(step => [step.b, step.e]);
    // A short sleep, for a lock or between two turns, is part of the picture.
    for (const step of steps) if (step.z && step.e - step.b < GAP) busy.push([step.b, step.e]);
    busy.sort((a, b) => a[0] - b[0]);
    this.parts = [];
    for (const [begin, end] of busy) {
      const last = this.parts.at(-1);
      if (last && begin - last.end < GAP) last.end = Math.max(last.end, end);
      else this.parts.push({ begin, end });
    }
    if (!this.parts.length) this.parts.push({ begin: 0, end: 1 });
    // A little air around each, so that what woke it is seen.
    let work = 0;
    for (const part of this.parts) {
      part.before = work;
      work += part.end - part.begin;
    }
    this.work = work;
    this.scale = 1;
  }

  /** A fold's width: narrower where much is to be seen at once. Pixels. */
  get fold() { return clamp(4 + this.scale * 65, 4, innerWidth * .085); }

  get width() { return this.work * this.scale + (this.parts.length - 1) * this.fold; }

  /** The last part that begins at or before a time. */
  at(us) {
    let low = 0, high = this.parts.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.parts[mid].begin <= us) low = mid; else high = mid - 1;
    }
    return low;
  }

  x(us) {
    const i = this.at(us), part = this.parts[i];
    const begin = part.before * this.scale + i * this.fold;
    if (us <= part.end) return begin + Math.max(us - part.begin, 0) * this.scale;
    const end = begin + (part.end - part.begin) * this.scale, next = this.parts[i + 1];
    return next ? end + this.fold * (us - part.end) / (next.begin - part.end) : end;
  }

  us(x) {
    let low = 0, high = this.parts.length - 1;
    const begin = i => this.parts[i].before * this.scale + i * this.fold;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (begin(mid) <= x) low = mid; else high = mid - 1;
    }
    const part = this.parts[low], into = (x - begin(low)) / this.scale;
    if (into <= part.end - part.begin) return part.begin + Math.max(into, 0);
    const next = this.parts[low + 1];
    if (!next) return part.end;
    const folded = (x - begin(low) - (part.end - part.begin) * this.scale) / this.fold;
    return part.end + (next.begin - part.end) * clamp(folded, 0, 1);
  }
}

// ---- A timeline ----

const RULER = 38, MARGIN = 24;
/** Where the lanes' names end. Pixels; as wide as their letters want it, which go with the window. */
const namesWidth = () => clamp(innerWidth * .1, 130, 220);

class Timeline {
  constructor(page, trace, index) {
    Object.assign(this, { page, trace, index, left: 0, step: 0, message: null });
    this.steps = trace.steps;
    this.messages = new Map(trace.messages.map(message => [message.id, message]));
    this.axis = new Axis(this.steps);
    this.ends = this.steps.map(step => step.e);
    this.lanes = this.layOut();

    this.root = document.createElement('section');
    this.root.className = 'timeline';
    this.shares = sum(this.lanes.map(lane => lane.share + (lane.above ?? 0)));
    this.root.style.flexGrow = this.shares + 4;
    this.stage = document.createElement('div');
    this.stage.className = 'stage';
    this.svg = svg('svg', { 'data-timeline': index });
    this.overview = document.createElement('canvas');
    this.overview.className = 'overview';
    this.stage.append(this.svg);
    if (page.data.traces.length > 1) {
      this.heading = document.createElement('h2');
      this.root.append(this.heading);
    }
    this.root.append(this.stage, this.overview);
    this.listen();
  }

  /** The lanes, from above: threads; the room, if threads share it; sockets. */
  layOut() {
    // Two servers share the height: then the lanes that say least are the lowest.
    const share = this.page.data.traces.length > 1 ? { thread: 1.8, other: 1.25, room: 1.4, socket: 1.25 } : { thread: 3, other: 1.6, room: 2, socket: 2 };
    const used = new Set(this.steps.map(step => step.t));
    const threads = this.trace.threads.filter(thread => used.has(thread.track))
      .map(thread => ({ kind: 'thread', key: `thread-${thread.track}`, track: thread.track, name: thread.name, share: /^(accept|main|records)$/.test(thread.name) ? share.other : share.thread }));
    const rank = lane => ({ accept: 1e9, main: 2e9, records: 3e9 })[lane.name] ?? Number(lane.name.replace(/\D/g, '')) ;
    threads.sort((a, b) => rank(a) - rank(b));
    const room = this.steps.some(step => step.kind === 'inside') ? [{ kind: 'room', key: 'room', share: share.room }] : [];
    const sockets = this.trace.clients.map(client => ({ kind: 'socket', key: `socket-${client}`, client, name: `#${client}`, share: share.socket }));
    // Room for the arrow to the first.
    if (sockets.length) sockets[0].above = share.socket * .7;
    for (const lane of threads) {
      const own = this.steps.filter(step => step.t === lane.track);
      lane.begin = own[0].b;
      lane.end = own.at(-1).e;
    }
    this.byTrack = new Map(threads.map(lane => [lane.track, lane]));
    this.byClient = new Map(sockets.map(lane => [lane.client, lane]));
    return [...threads, ...room, ...sockets];
  }

  // Where things are.

  get names() { return namesWidth(); }

  get viewWidth() { return this.stage.clientWidth - this.names; }

  /** Pixels from the left edge of the stage. */
  x(us) { return this.names + MARGIN + this.axis.x(us) - this.left; }

  size() {
    const room = this.stage.clientHeight - RULER - 6;
    const share = clamp(room / this.shares, 9, 84);
    let y = RULER;
    for (const lane of this.lanes) {
      lane.height = lane.share * share;
      y += (lane.above ?? 0) * share;
      lane.y = y + lane.height / 2;
      lane.box = Math.min(lane.height * .64, 64);
      y += lane.height;
    }
    this.height = Math.max(y + 6, this.stage.clientHeight);
  }

  /** No higher than a lane's boxes. */
  sizeIn(lane) { return Math.min(this.letter / .56, lane.box * .95); }

  /** The first of these names that fits into a box, in what is seen of it; or nothing. */
  nameIn(lane, x0, x1, ...names) {
    const left = Math.max(x0, this.names - 8), right = Math.min(x1, this.stage.clientWidth), size = this.sizeIn(lane);
    const name = lane.box > 10.5 && names.find(name => right - left > name.length * size * .56 + 8);
    return name ? [svg('text', { x: (left + right) / 2, y: lane.y + 1, style: `font-size:${size.toFixed(1)}px` }, name)] : [];
  }

  /** What a lane is called: the loop's thread has no name of its own. */
  nameOf(lane) { return lane.kind === 'room' ? this.page.words.room : lane.name === 'event loop' ? this.page.words.loop : lane.name; }

  lane(step) { return this.byTrack.get(step.t); }

  socket(client) { return this.byClient.get(client); }

  // Moving.

  clampLeft() { this.left = clamp(this.left, -this.viewWidth / 2, Math.max(this.axis.width - this.viewWidth / 2, 0)); }

  zoom(factor, at = this.viewWidth / 2) {
    const us = this.axis.us(this.left + at - MARGIN);
    this.axis.scale = clamp(this.axis.scale * factor, .0005, 400);
    this.left = this.axis.x(us) + MARGIN - at;
    this.clampLeft();
    this.draw();
  }

  /** The scale at which a stretch of time fills the view, as far as folds let it, with the fold before it if that is asked for. */
  scaleFor(begin, end, withFold = false) {
    // Folds narrow as the scale shrinks: the width is found by halving.
    let low = .0005, high = 400;
    for (let i = 0; i < 40; i++) {
      this.axis.scale = Math.sqrt(low * high);
      const width = this.axis.x(end) - this.axis.x(begin) + (withFold ? this.axis.fold : 0);
      if (width > this.viewWidth - 2 * MARGIN) high = this.axis.scale; else low = this.axis.scale;
    }
    return this.axis.scale;
  }

  showFrom(begin, scale, withFold = false) {
    this.axis.scale = scale;
    this.left = this.axis.x(begin) - (withFold ? this.axis.fold : 0);
    this.clampLeft();
    this.draw();
  }

  show(begin, end) { this.showFrom(begin, this.scaleFor(begin, end)); }

  showAll() { this.show(this.axis.parts[0].begin, this.axis.parts.at(-1).end); }

  /** What is to be seen of the message that is followed: from when to when. */
  stretch() {
    const message = this.messages.get(this.message);
    if (!message) return null;
    // From the wake-up, and on to what is done afterwards: the sleep is what it is about.
    const part = this.axis.parts[this.axis.at(message.begin)];
    const air = (message.end - message.begin) * .12;
    return [Math.max(message.begin - air, part.begin), message.end + air, true];
  }

  reveal(us) {
    const x = this.axis.x(us) + MARGIN - this.left;
    if (x < this.viewWidth * .08 || x > this.viewWidth * .94) this.left = this.axis.x(us) + MARGIN - this.viewWidth * .45;
    this.clampLeft();
  }

  // What is chosen.

  choose(index, message = undefined) {
    this.step = clamp(index, 0, this.steps.length - 1);
    const step = this.steps[this.step];
    if (message !== undefined) this.message = message;
    else if (this.message !== null && !step.m?.includes(this.message)) this.message = null;
    this.reveal(step.e);
    this.draw();
    this.page.tell();
  }

  follow(id) {
    const message = this.messages.get(id);
    if (!message) return;
    this.message = id;
    this.step = message.path[0];
  }

  /** The place of the message that is so many before or after where we are. */
  placeOf(by) {
    const messages = this.trace.messages, step = this.steps[this.step];
    const now = this.message !== null ? messages.findIndex(message => message.id === this.message)
      : messages.findIndex(message => message.end > step.e) - (by > 0);
    return clamp(now + by, 0, messages.length - 1);
  }

  // Drawing.

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => { this.pending = null; this.paint(); });
  }

  paint() {
    this.size();
    const width = this.stage.clientWidth, words = this.page.words;
    const from = this.axis.us(this.left - 60), to = this.axis.us(this.left + this.viewWidth + 60);
    const back = svg('g', {}), arrows = svg('g', {}), boxes = svg('g', {}), front = svg('g', {}), labels = svg('g', {}), names = svg('g', {});
    this.letter = parseFloat(getComputedStyle(document.body).fontSize) * .56;
    this.paintAxis(back, from, to);
    this.paintLanes(back, names, words);

    // Ends are in order; what ends before the view cannot be seen.
    let first = 0, high = this.ends.length;
    while (first < high) { const mid = (first + high) >> 1; if (this.ends[mid] < from) first = mid + 1; else high = mid; }
    const painted = new Map();
    for (const lane of this.lanes) lane.free = -1e9;
    for (let i = first; i < this.steps.length; i++) {
      const step = this.steps[i];
      if (step.b > to) { if (step.b > to + 5e6) break; continue; }
      this.paintStep(i, step, painted, { arrows, boxes, front, labels });
    }
    this.paintPath(front);
    this.paintNow(front);

    this.svg.style.height = `${this.height}px`;
    this.svg.setAttribute('viewBox', `0 0 ${width} ${this.height}`);
    this.svg.classList.toggle('follows', this.message !== null);
    const hatch = svg('pattern', { id: `hatch`, width: 12, height: 12, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      svg('rect', { class: 'hatch-back', width: 12, height: 12 }), svg('line', { class: 'hatch-line', x1: 3, x2: 3, y1: 0, y2: 12 }));
    const heads = ['read', 'write', 'path'].map(kind => svg('marker', {
      id: `head-${kind}`, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: kind === 'path' ? 4 : 6, markerHeight: kind === 'path' ? 4 : 6, orient: 'auto',
    }, svg('path', { d: 'M0 0L10 5L0 10z', style: `fill:var(--${kind})` })));
    this.svg.replaceChildren(svg('defs', {}, hatch, ...heads), back, arrows, boxes, front, labels, names);
    if (this.heading) {
      const facts = document.createElement('span');
      facts.textContent = this.page.facts(this.trace);
      this.heading.replaceChildren(`--mode ${this.trace.mode}: ${this.trace.title[this.page.lang]} `, facts);
    }
    this.paintOverview();
  }

  paintAxis(group, from, to) {
    const { axis } = this, first = axis.at(from), last = axis.at(to);
    for (let i = first; i <= last; i++) {
      const part = axis.parts[i], next = axis.parts[i + 1];
      const x0 = this.x(part.begin), x1 = this.x(part.end);
      // Ticks count from each waking.
      const least = 90 / axis.scale, power = 10 ** Math.floor(Math.log10(least));
      const every = [1, 2, 5, 10].map(n => n * power).find(n => n >= least);
      if (x1 - x0 > 60) {
        for (let us = 0; us <= part.end - part.begin; us += every) {
          const x = this.x(part.begin + us);
          if (x < this.names || x > this.stage.clientWidth + 40) continue;
          group.append(svg('line', { class: 'tick', x1: x, x2: x, y1: RULER - 6, y2: this.height }));
          const text = us ? `+${time(us)}` : '0', half = text.length * this.letter * .4;
          // Not one that would be cut.
          if (us && (x - half < this.names || x + half > Math.min(next ? x1 : 1e6, this.stage.clientWidth))) continue;
          group.append(svg('text', { class: 'tick-text', x, y: RULER - 13 }, text));
        }
      }
      if (!next) continue;
      const x2 = this.x(next.begin), mid = (x1 + x2) / 2;
      group.append(svg('rect', { class: 'fold', x: x1, y: 0, width: x2 - x1, height: this.height }));
      for (const edge of x2 - x1 > 9 ? [x1, x2] : []) {
        let zigzag = `M${edge} 0`;
        for (let y = 0, side = 1; y < this.height; y += 14, side = -side) zigzag += `L${edge + 3 * side} ${y + 7}`;
        group.append(svg('path', { class: 'fold-edge', d: zigzag }));
      }
      if (x2 - x1 > 52) group.append(svg('text', { class: 'fold-text', x: mid, y: RULER - 13 }, time(next.begin - part.end)));
    }
  }

  paintLanes(back, names, words) {
    names.append(svg('rect', { class: 'gutter', x: 0, y: 0, width: this.names - 8, height: this.height }));
    for (const lane of this.lanes) {
      const from = lane.kind === 'thread' ? clamp(this.x(lane.begin), this.names, 1e6) : this.names;
      const to = lane.kind === 'thread' ? this.x(lane.end) : this.stage.clientWidth;
      if (to > from) back.append(svg('line', { class: 'lane-line', x1: from, x2: Math.min(to, this.stage.clientWidth), y1: lane.y, y2: lane.y }));
      const note = { thread: words.thread, room: words.roomNote, socket: words.socket }[lane.kind];
      const letter = this.letter / .56, small = lane.height < 2.5 * letter;
      const group = svg('g', { class: `lane ${lane.kind}`, 'data-lane': lane.key });
      const name = this.nameOf(lane);
      const style = `font-size:${Math.min(1.15 * letter, lane.height * .85)}px`;
      group.append(svg('text', { class: 'lane-name', x: 16, y: lane.y + (small ? letter * .38 : 0), style }, name));
      if (!small) group.append(svg('text', { class: 'lane-note', x: 16, y: lane.y + 1.2 * letter }, note));
      names.append(group);
    }
  }

  /** Its box in the thread's lane, and its arrow to or from the socket's. */
  paintStep(i, step, painted, { arrows, boxes, front, labels }) {
    const lane = this.lane(step);
    if (!lane) return;
    const x0 = this.x(step.b), x1 = this.x(step.e), onPath = this.message !== null && step.m?.includes(this.message);
    const classes = `${step.z ? 'sleep' : ''} ${step.kind} ${onPath ? 'on-path' : ''}`;
    const key = `${lane.key} ${step.kind === 'inside'}`;
    // Of boxes too narrow to be told apart one is drawn.
    if (!onPath && i !== this.step && x1 - (painted.get(key) ?? -1e9) < 1) return;
    painted.set(key, x1);

    const left = clamp(x0, this.names - 20, 1e6), width = Math.max(Math.min(x1, this.stage.clientWidth + 20) - left, 2.5);
    const grow = step.kind === 'inside' ? 14 : 0;
    const group = svg('g', { class: `step ${classes}`, 'data-step': i });
    if (step.m) group.setAttribute('data-messages', step.m.join(' '));
    group.append(svg('rect', { x: left, y: lane.y - (lane.box + grow) / 2, width, height: lane.box + grow, rx: Math.min(4, width / 2) }),
      svg('title', {}, step[this.page.lang]));
    const name = step.z ? `${this.page.sleepName(step)} ${time(step.e - step.b)}` : step.kind === 'ingested' ? this.page.words.ingested : step.label;
    if (step.kind !== 'inside') group.append(...this.nameIn(lane, left, left + width, name, ...(step.c && !step.z ? [`#${step.c}`] : [])));
    boxes.append(group);

    if (step.kind === 'inside') {
      const room = this.lanes.find(lane => lane.kind === 'room');
      const holder = svg('g', { class: `holder ${onPath ? 'on-path' : ''}`, 'data-step': i });
      holder.append(svg('rect', { x: left, y: room.y - room.box / 2, width, height: room.box, rx: Math.min(4, width / 2) }));
      holder.append(...this.nameIn(room, left, left + width, lane.name));
      boxes.append(holder);
    }
    if (step.n && step.c) this.paintArrow(i, step, lane, onPath, onPath ? front : arrows, labels);
  }

  /** Up for what is read, down for what is written. A read is over when its bytes are there: at its end. */
  paintArrow(i, step, lane, onPath, arrows, labels) {
    const socket = this.socket(step.c);
    if (!socket) return;
    const x = this.arrowX(step), read = step.kind === 'read';
    const [y1, y2] = read ? [socket.y, lane.y + lane.box / 2 + 2] : [lane.y + lane.box / 2 + 2, socket.y - 4];
    arrows.append(svg('line', {
      class: `arrow ${step.kind} ${onPath ? 'on-path' : ''}`, x1: x, x2: x, y1, y2,
      // A short one has no room for a head.
      'marker-end': Math.abs(y2 - y1) < 24 ? '' : `url(#head-${onPath ? 'path' : step.kind})`, 'data-step': i, 'data-messages': step.m?.join(' ') ?? '',
    }));
    // A number that would lie on the one before it is left out.
    const text = bytes(step.n), size = Math.min(this.letter / .56, socket.height);
    if (onPath || x - (socket.free ?? -1e9) > 0) {
      // On the socket's line, where no other line is near.
      labels.append(svg('text', { class: `bytes ${onPath ? 'on-path' : ''}`, x: x + 12, y: socket.y + size * .35, style: `font-size:${size.toFixed(1)}px` }, text));
      socket.free = x + 18 + text.length * this.letter;
    }
  }

  arrowX(step) { return step.z ? this.x(step.e) : (this.x(step.b) + this.x(step.e)) / 2; }

  /** The line that a message takes: out of its sender's socket, through the room, into each receiver's. */
  paintPath(group) {
    const message = this.messages.get(this.message);
    if (!message) return;
    const steps = message.path.map(i => this.steps[i]).filter(step => step.kind !== 'wait');
    if (!steps.length) return;
    // Below the boxes, so that their words can be read.
    const points = steps.filter(step => step.kind !== 'inside').map(step => {
      const lane = this.lane(step);
      return [this.arrowX(step), lane ? lane.y + lane.box / 2 + 7 : 0];
    });
    const dot = lane => clamp(lane.height * .3, 4, 8);
    const head = steps[0], socket = this.socket(message.from);
    if (socket && head.kind === 'read') {
      points.unshift([this.arrowX(head), socket.y]);
      group.append(svg('circle', { class: 'dot', cx: points[0][0], cy: socket.y, r: dot(socket) }));
    }
    group.append(svg('polyline', { class: 'path', points: points.map(point => point.join()).join(' ') }));
    for (const step of steps.filter(step => step.kind === 'write')) {
      const to = this.socket(step.c);
      if (to) group.append(svg('circle', { class: 'dot', cx: this.arrowX(step), cy: to.y, r: dot(to) }));
    }
  }

  paintNow(group) {
    const step = this.steps[this.step], lane = step && this.lane(step);
    if (!lane || this.page.active !== this) return;
    const left = clamp(this.x(step.b), this.names - 20, 1e6), width = Math.max(Math.min(this.x(step.e), this.stage.clientWidth + 20) - left, 3);
    if (left > this.stage.clientWidth || this.x(step.e) < this.names) return;
    const grow = step.kind === 'inside' ? 14 : 0, top = lane.y - (lane.box + grow) / 2;
    group.append(svg('rect', { class: 'now', x: left - 2, y: top - 2, width: width + 4, height: lane.box + grow + 4, rx: 5 }));
    const x = step.z ? Math.min(left + width, this.stage.clientWidth - 10) : left + width / 2;
    group.append(svg('path', { class: 'now-mark', d: `M${x} ${top - 4}l-9 -13h18z` }));
  }

  /** All of it on one strip: work, folds and messages, and where the view is. */
  paintOverview() {
    const { overview, axis } = this, ratio = devicePixelRatio || 1;
    const width = overview.clientWidth, height = overview.clientHeight;
    overview.width = width * ratio;
    overview.height = height * ratio;
    const pen = overview.getContext('2d'), style = getComputedStyle(document.documentElement);
    const names = ['sleep', 'read', 'write', 'ingested', 'lock', 'other', 'ink'];
    const colours = Object.fromEntries(names.map(name => [name, style.getPropertyValue(`--${name}`).trim()]));
    pen.scale(ratio, ratio);
    // By steps, not by time: a strip of time would be empty.
    const place = i => i / this.steps.length * width;
    let last = -1;
    this.steps.forEach((step, i) => {
      // Of those that share a pixel one is drawn.
      if (Math.floor(place(i)) === last) return;
      last = Math.floor(place(i));
      pen.fillStyle = (step.z ? colours.sleep : colours[step.kind]) ?? colours.other;
      pen.fillRect(place(i), 5, Math.max(width / this.steps.length, 1), height - 10);
    });
    const from = axis.us(this.left), to = axis.us(this.left + this.viewWidth);
    const begin = this.ends.findIndex(end => end >= from), after = this.ends.findIndex(end => end > to);
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 3;
    const x0 = place(begin < 0 ? this.steps.length : begin), x1 = place(after < 0 ? this.steps.length : after);
    pen.strokeRect(x0 + 1.5, 2, Math.max(x1 - x0 - 3, 6), height - 4);
  }

  // Mouse and finger.

  listen() {
    this.stage.addEventListener('click', event => {
      this.page.activate(this);
      if (this.moved) return;
      const target = event.target.closest('[data-step]');
      if (!target) return;
      const index = Number(target.dataset.step), messages = this.steps[index].m;
      this.choose(index, messages ? (messages.includes(this.message) ? this.message : messages[0]) : null);
      // All of its path is to be seen.
      const stretch = this.stretch();
      if (stretch && (this.x(stretch[0]) < this.names || this.x(stretch[1]) > this.stage.clientWidth)) {
        this.showFrom(stretch[0], this.scaleFor(...stretch), true);
      }
    });
    this.stage.addEventListener('wheel', event => {
      // Where there is more below, the wheel alone goes there.
      if (document.body.className === 'with-report' && !event.ctrlKey && !event.shiftKey && !event.deltaX) return;
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.left += event.deltaX || event.deltaY;
        this.clampLeft();
        this.draw();
      } else {
        this.zoom(Math.exp(-event.deltaY / 400), event.clientX - this.stage.getBoundingClientRect().left - this.names);
      }
    }, { passive: false });
    this.stage.addEventListener('pointerdown', event => {
      this.drag = { x: event.clientX, left: this.left };
      this.moved = false;
    });
    window.addEventListener('pointermove', event => {
      if (!this.drag) return;
      const by = event.clientX - this.drag.x;
      if (Math.abs(by) > 4) this.moved = true;
      if (!this.moved) return;
      this.stage.classList.add('dragged');
      this.left = this.drag.left - by;
      this.clampLeft();
      this.draw();
    });
    window.addEventListener('pointerup', () => { this.drag = null; this.stage.classList.remove('dragged'); });
    this.overview.addEventListener('click', event => {
      this.page.activate(this);
      this.choose(Math.floor(event.offsetX / this.overview.clientWidth * this.steps.length));
    });
    new ResizeObserver(() => this.paint()).observe(this.stage);
  }
}

// ---- The page ----

class Page {
  constructor(data) {
    this.data = data;
    const hash = new URLSearchParams(location.hash.slice(1));
    this.lang = hash.get('lang') ?? data.lang;
    this.setTheme(hash.get('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
    this.timelines = data.traces.filter(trace => trace.steps.length).map((trace, i) => new Timeline(this, trace, i));
    byId('timelines').append(...this.timelines.map(timeline => timeline.root));
    this.active = this.timelines[Number(hash.get('server') ?? 0)] ?? this.timelines[0];
    this.listen();
    if (!this.active) return;
    this.timelines.forEach(timeline => timeline.root.classList.toggle('active', timeline === this.active));
    // First the words, for they take room.
    this.tell();
    this.begin(hash);
    this.tell();
    document.body.dataset.ready = 'yes';
  }

  get words() { return WORDS[this.lang]; }

  /** Where the address says, else at a line that somebody said to several, and that took as long as most. */
  begin(hash) {
    const asked = this.active.trace.messages.findIndex(message => message.id === Number(hash.get('message')));
    const place = asked >= 0 ? asked : this.usual();
    if (place >= 0) this.follow(place); else this.active.showAll();
    if (hash.has('step')) this.active.choose(Number(hash.get('step')) - 1);
    if (hash.get('view') === 'all') this.active.showAll();
    this.timelines.forEach(timeline => timeline.paint());
  }

  /** The place of the message that is nearest to the median, with all servers. */
  usual() {
    const long = (timeline, place) => {
      const message = timeline.trace.messages[place];
      return message && message.from && message.to.length > 1 && message.whole ? message.end - message.begin : NaN;
    };
    const places = this.active.trace.messages.map((_, place) => place)
      .filter(place => this.timelines.every(timeline => long(timeline, place) > 0));
    const medians = this.timelines.map(timeline => places.map(place => long(timeline, place)).sort((a, b) => a - b)[places.length >> 1]);
    const oddness = place => Math.max(...this.timelines.map((timeline, i) => Math.abs(Math.log(long(timeline, place) / medians[i]))));
    return places.length ? places.reduce((best, place) => oddness(place) < oddness(best) ? place : best) : this.active.trace.messages.length - 1;
  }

  /** Follows the message at a place, with all servers: they did the same in the same order. */
  follow(place) {
    for (const timeline of this.timelines) timeline.follow(timeline.trace.messages[place]?.id);
    this.fit();
    this.tell();
  }

  /** Shows what is followed, with all servers to one scale: what is longer takes longer. */
  fit() {
    const stretches = this.timelines.map(timeline => timeline.stretch());
    const scales = this.timelines.filter((_, i) => stretches[i]).map(timeline => timeline.scaleFor(...timeline.stretch()));
    this.timelines.forEach((timeline, i) => {
      if (stretches[i]) timeline.showFrom(stretches[i][0], Math.min(...scales), true); else timeline.showAll();
    });
  }

  sleepName(step) {
    return { write: 'write', wait: 'wait', read: 'read', accept: 'accept', lock: 'lock', park: 'room' }[step.kind] ?? step.label;
  }

  activate(timeline) {
    if (this.active === timeline) return;
    this.active = timeline;
    for (const each of this.timelines) {
      each.root.classList.toggle('active', each === timeline);
      each.draw();
    }
    this.tell();
  }

  /** Says what is chosen, and where. */
  tell() {
    const timeline = this.active, { steps, messages } = timeline, step = steps[timeline.step], words = this.words;
    document.documentElement.lang = this.lang;
    const one = this.timelines.length === 1;
    byId('title').textContent = one ? `tertulia --mode ${timeline.trace.mode}: ${timeline.trace.title[this.lang]}` : words.several;
    // Each of several servers has its facts in its own heading.
    byId('facts').textContent = byId('facts').title = one ? this.facts(timeline.trace) : '';
    byId('lang').textContent = this.lang === 'en' ? 'español' : 'English';
    byId('fit').textContent = words.fit;
    byId('all').textContent = words.all;
    byId('count').textContent = words.step(timeline.step + 1, steps.length);
    const ids = [...messages.keys()];
    byId('message').textContent = timeline.message === null ? words.noMessage : words.message(ids.indexOf(timeline.message) + 1, ids.length);

    const lane = timeline.lane(step), who = document.createElement('span');
    who.className = 'who';
    who.textContent = lane ? `${timeline.nameOf(lane)}: ` : '';
    byId('sentence').replaceChildren(who, step[this.lang] + (step.call ? ` (${step.call[0]}${step.call[1] > 1 ? ` × ${step.call[1]}` : ''})` : ''));
    const message = messages.get(timeline.message);
    let story = message ? words.story(message, this.storyOf(timeline, message)) : '&nbsp;';
    if (message && !one) {
      // Several servers: what each did for it.
      const each = this.timelines.map(({ trace, message: id, messages }) => [trace.mode, messages.get(id)]).filter(([, message]) => message);
      story = each.map(([mode, message], i) => {
        const { time, calls } = this.storyOf(this.timelines[i], message);
        return `<b>${mode}</b> ${time} · ${calls}`;
      }).join(' &emsp; ');
      story = `<b>${words.message(ids.indexOf(timeline.message) + 1, ids.length)}</b> ${words.from(message)} &emsp; ${story}`;
    }
    byId('story').innerHTML = story;

    const hash = new URLSearchParams({ step: timeline.step + 1 });
    if (message) hash.set('message', message.id);
    if (!one) hash.set('server', timeline.index);
    hash.set('lang', this.lang);
    hash.set('theme', document.documentElement.dataset.theme);
    history.replaceState(null, '', `#${hash}`);
  }

  storyOf(timeline, message) {
    const calls = new Map();
    for (const i of message.path) {
      const { call } = timeline.steps[i];
      if (call) calls.set(call[0], (calls.get(call[0]) ?? 0) + call[1]);
    }
    const to = message.to.slice(0, 8).map(client => `#${client}`).join(', ') + (message.to.length > 8 ? ', …' : '');
    return {
      to, time: time(message.end - message.begin), slept: timeline.steps[message.path[0]].z,
      calls: [...calls].map(([name, n]) => n > 1 ? `${n} × ${name}` : name).join(' + '),
    };
  }

  /** Counts of the whole recording. */
  facts({ facts, left_out: leftOut }) {
    const { words } = this, percent = facts.at_work * 100;
    let text = words.facts(facts);
    if (facts.at_work !== null) text += words.atWork(`${percent < 1 ? percent.toPrecision(1) : Math.round(percent)} %`);
    if (facts.lost) text += words.lost(facts.lost);
    if (leftOut) text += words.leftOut(leftOut);
    return text;
  }

  // Keys and buttons.

  listen() {
    const act = {
      ArrowRight: () => this.active.choose(this.active.step + 1),
      ArrowLeft: () => this.active.choose(this.active.step - 1),
      ArrowDown: () => this.nextMessage(1),
      ArrowUp: () => this.nextMessage(-1),
      Home: () => this.active.choose(0),
      End: () => this.active.choose(this.active.steps.length - 1),
      '+': () => this.active.zoom(1.5), '=': () => this.active.zoom(1.5), '-': () => this.active.zoom(1 / 1.5),
      0: () => this.fit(),
      a: () => this.active.showAll(),
      ' ': () => this.play(),
      Escape: () => this.active.choose(this.active.step, null),
      l: () => { this.lang = this.lang === 'en' ? 'es' : 'en'; this.redraw(); },
      t: () => { this.setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'); this.redraw(); },
      Tab: () => this.activate(this.timelines[(this.timelines.indexOf(this.active) + 1) % this.timelines.length]),
      '?': () => this.help(),
    };
    document.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      // A button that has the focus takes its own keys, and Tab goes on to the next where there is but one server.
      if (key === 'Tab' && this.timelines.length < 2 || key === ' ' && document.activeElement.closest?.('button')) return;
      if (!act[key] || !this.active) return;
      event.preventDefault();
      act[key]();
    });
    const buttons = {
      first: 'Home', back: 'ArrowLeft', play: ' ', on: 'ArrowRight', earlier: 'ArrowUp', later: 'ArrowDown',
      in: '+', out: '-', fit: '0', all: 'a', lang: 'l', theme: 't', ask: '?',
    };
    for (const [id, key] of Object.entries(buttons)) {
      byId(id).addEventListener('click', event => { act[key](); event.currentTarget.blur(); });
    }
    byId('help').addEventListener('click', () => byId('help').close());
  }

  nextMessage(by) { if (this.active.trace.messages.length) this.follow(this.active.placeOf(by)); }

  play() {
    const stop = () => { clearInterval(this.playing); this.playing = null; byId('play').textContent = '▶ ▶'; };
    if (this.playing) return stop();
    byId('play').textContent = '❚❚';
    this.playing = setInterval(() => {
      if (this.active.step + 1 >= this.active.steps.length) return stop();
      this.active.choose(this.active.step + 1);
    }, 1600);
  }

  help() {
    const keys = ['sleep', 'read', 'ingested', 'write', 'lock', 'other'];
    let text = this.words.help;
    for (const key of keys) text = text.replace(`{${key}}`, `<span class="key" style="background:var(--${key})"></span>`);
    text = text.replace('{inside}', '<span class="key inside"></span>');
    byId('help').innerHTML = text;
    byId('help').showModal();
  }

  setTheme(theme) { document.documentElement.dataset.theme = theme === 'dark' ? 'dark' : 'light'; }

  redraw() {
    this.timelines.forEach(timeline => timeline.draw());
    this.tell();
  }
}

const page = new Page(JSON.parse(byId('data').textContent));
