// One server's timeline.
//
// A server sleeps for seconds and works for microseconds. Drawn to one scale, either nothing but sleep would be seen or the
// next line would be a kilometre away. So the time axis is folded: where any thread works, a microsecond has its length; where
// all sleep, the paper is folded, and the fold says how long it was.

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
const namesWidth = () => clamp(innerWidth * .1, Math.min(146, innerWidth * .25), 220);
/** The least height of a lane's share, where the page can be as high as its lanes need. Pixels. */
const SHARE_LEAST = 13.5;

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
    this.found = new Set();
    this.stage = document.createElement('div');
    this.stage.className = 'stage';
    this.svg = svg('svg', { 'data-timeline': index });
    this.overview = document.createElement('canvas');
    this.overview.className = 'overview';
    this.stage.append(this.svg);
    if (page.data.traces.length > 1) {
      this.stage.style.minHeight = `${RULER + 12 + this.shares * SHARE_LEAST}px`;
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
    const sockets = this.trace.clients.map(client => ({ kind: 'socket', key: `socket-${client}`, client, name: this.shortName(client), share: share.socket }));
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

  // What things are called.

  /** A client's name, or its number if nobody knows its name. */
  shortName(client) { return this.trace.names[client] ?? `#${client}`; }

  /** A client's name and number, as the chat gives them. */
  who(client) { return this.trace.names[client] ? `${this.trace.names[client]} (#${client})` : `#${client}`; }

  /** What a step did, in a sentence, with names. */
  sentence(step) { return step[this.page.lang].replace(/#(\d+)/g, (_, client) => this.who(client)); }

  callOf(step) { return step.call ? `${step.call[0]}${step.call[1] > 1 ? ` × ${step.call[1]}` : ''}` : ''; }

  /** What somebody said in the messages of a step. */
  textOf(step) { return (step.m ?? []).map(id => this.messages.get(id)?.text).filter(text => text).join(' · '); }

  /** The steps in which a text occurs: in their sentences, threads or system calls, or in what was said when the room heard it. */
  search(text) {
    const wanted = text.toLowerCase();
    const words = step => [this.lane(step)?.name, this.sentence(step), this.callOf(step), step.kind === 'ingested' ? this.textOf(step) : ''];
    return [...this.steps.keys()].filter(i => words(this.steps[i]).join(' ').toLowerCase().includes(wanted));
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
    this.page.fitted = null;
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
    if (x < this.viewWidth * .08 || x > this.viewWidth * .94) {
      this.left = this.axis.x(us) + MARGIN - this.viewWidth * .45;
      this.page.fitted = null;
    }
    this.clampLeft();
  }

  /** The stage has another width: what was in the middle stays there, unless the page fits it anew. */
  resized() {
    const width = this.viewWidth, middle = this.axis.us(this.left + (this.width ?? width) / 2 - MARGIN);
    if (width === this.width) return this.paint();
    this.width = width;
    if (this.page.fitted) return this.page.refit();
    this.left = this.axis.x(middle) + MARGIN - width / 2;
    this.clampLeft();
    this.paint();
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
      const mode = element('b', `c${this.index}`, `--mode ${this.trace.mode}`);
      this.heading.replaceChildren(mode, `: ${this.trace.title[this.page.lang]} `, facts);
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
      const slept = time(next.begin - part.end);
      if (x2 - x1 > slept.length * this.letter + 16) group.append(svg('text', { class: 'fold-text', x: mid, y: RULER - 13 }, slept));
    }
  }

  paintLanes(back, names, words) {
    names.append(svg('rect', { class: 'gutter', x: 0, y: 0, width: this.names - 8, height: this.height }));
    for (const lane of this.lanes) {
      const from = lane.kind === 'thread' ? clamp(this.x(lane.begin), this.names, 1e6) : this.names;
      const to = lane.kind === 'thread' ? this.x(lane.end) : this.stage.clientWidth;
      if (to > from) back.append(svg('line', { class: 'lane-line', x1: from, x2: Math.min(to, this.stage.clientWidth), y1: lane.y, y2: lane.y }));
      const client = lane.kind === 'thread' && /^client-(\d+)$/.exec(lane.name)?.[1];
      // A guest has the number of its thread.
      const name = this.trace.names[client] ?? '', named = name && !name.startsWith('guest') ? ` · ${name}` : '';
      const note = { thread: words.thread + named, room: words.roomNote, socket: `${words.socket} #${lane.client}` }[lane.kind];
      const letter = this.letter / .56, small = lane.height < 2.5 * letter;
      const group = svg('g', { class: `lane ${lane.kind}`, 'data-lane': lane.key });
      const inset = Math.min(16, this.names * .1), width = this.names - inset - 8;
      // On a narrow screen a long text is smaller, and cut only when it would not be legible.
      const append = (kind, y, text, largest) => {
        const size = clamp(width / text.length / .58, 9, largest), most = Math.floor(width / size / .58);
        const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text;
        group.append(svg('text', { class: kind, x: inset, y, style: `font-size:${size}px` }, shown));
      };
      append('lane-name', lane.y + (small ? letter * .38 : 0), this.nameOf(lane), Math.min(1.15 * letter, lane.height * .85));
      if (!small) append('lane-note', lane.y + 1.2 * letter, note, letter * .8);
      names.append(group);
    }
  }

  /** Its box in the thread's lane, and its arrow to or from the socket's. */
  paintStep(i, step, painted, { arrows, boxes, front, labels }) {
    const lane = this.lane(step);
    if (!lane) return;
    const x0 = this.x(step.b), x1 = this.x(step.e), onPath = this.message !== null && step.m?.includes(this.message);
    const classes = `${step.z ? 'sleep' : ''} ${step.kind} ${onPath ? 'on-path' : ''} ${this.found.has(i) ? 'found' : ''}`;
    const key = `${lane.key} ${step.kind === 'inside'}`;
    // Of boxes too narrow to be told apart one is drawn.
    if (!onPath && i !== this.step && !this.found.has(i) && x1 - (painted.get(key) ?? -1e9) < 1) return;
    painted.set(key, x1);

    const left = clamp(x0, this.names - 20, 1e6), width = Math.max(Math.min(x1, this.stage.clientWidth + 20) - left, 2.5);
    const grow = step.kind === 'inside' ? 14 : 0;
    const group = svg('g', { class: `step ${classes}`, 'data-step': i });
    if (step.m) group.setAttribute('data-messages', step.m.join(' '));
    group.append(svg('rect', { x: left, y: lane.y - (lane.box + grow) / 2, width, height: lane.box + grow, rx: Math.min(4, width / 2) }));
    const name = step.z ? `${this.page.sleepName(step)} ${time(step.e - step.b)}` : step.kind === 'ingested' ? this.page.words.ingested : step.label;
    const client = step.c && !step.z ? [name.replace(/#\d+/, this.shortName(step.c)), name, this.shortName(step.c), `#${step.c}`] : [name];
    if (step.kind !== 'inside') group.append(...this.nameIn(lane, left, left + width, ...client));
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
      const isCut = x + 12 + text.length * this.letter > this.stage.clientWidth;
      labels.append(svg('text', {
        class: `bytes ${onPath ? 'on-path' : ''}`, x: x + (isCut ? -12 : 12), y: socket.y + size * .35, style: `font-size:${size.toFixed(1)}px`,
        'text-anchor': isCut ? 'end' : 'start',
      }, text));
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
    const pen = overview.getContext('2d');
    // The style has a colour for each theme; an element knows which one counts.
    const colour = name => { overview.style.color = `var(--${name})`; return getComputedStyle(overview).color; };
    const colours = Object.fromEntries(['sleep', 'read', 'write', 'ingested', 'lock', 'other', 'text'].map(name => [name, colour(name)]));
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
    pen.strokeStyle = colours.text;
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
    this.stage.addEventListener('pointermove', event => {
      const target = this.drag ? null : event.target.closest('[data-step]');
      this.page.showCard(this, target && Number(target.dataset.step), event);
    });
    this.stage.addEventListener('pointerleave', () => this.page.showCard(this, null));
    this.stage.addEventListener('wheel', event => {
      // Where there is more below, the wheel alone goes there.
      if (document.body.className === 'with-report' && !event.ctrlKey && !event.shiftKey && !event.deltaX) return;
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.left += event.deltaX || event.deltaY;
        this.page.fitted = null;
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
      this.page.fitted = null;
      this.clampLeft();
      this.draw();
    });
    window.addEventListener('pointerup', () => { this.drag = null; this.stage.classList.remove('dragged'); });
    this.overview.addEventListener('click', event => {
      this.page.activate(this);
      this.choose(Math.floor(event.offsetX / this.overview.clientWidth * this.steps.length));
    });
    new ResizeObserver(() => this.resized()).observe(this.stage);
  }
}

