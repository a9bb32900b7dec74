// The page around the timelines: what is chosen, what is told of it, search, keys and buttons.

class Page {
  constructor(data) {
    this.data = data;
    /** What fills the view, and shall fill it when the window changes: 'message', 'all' or null. */
    this.fitted = null;
    const hash = new URLSearchParams(location.hash.slice(1));
    this.setLang(hash.get('lang') ?? data.lang);
    this.setTheme(hash.get('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
    /** All servers; two of them are shown at a time. */
    this.all = data.traces.filter(trace => trace.steps.length).map((trace, i) => new Timeline(this, trace, i));
    this.show(this.pair(hash.get('modes')));
    this.listen();
    if (!this.active) return;
    this.activate(this.active);
    // First the words, for they take room.
    this.tell();
    this.begin(hash);
    this.tell();
    window.addEventListener('hashchange', () => this.goTo(new URLSearchParams(location.hash.slice(1))));
    document.body.dataset.ready = 'yes';
  }

  /** The servers to show: those of these names, two or more, else an event loop beside threads. */
  pair(modes) {
    const named = names => [...new Set(names.map(name => this.all.find(({ trace }) => trace.mode === name)))].filter(found => found);
    const pairs = [named((modes ?? '').split(',')), named(['epoll', 'threaded']), this.all.slice(0, 2)];
    return pairs.find(pair => pair.length > 1) ?? this.all.slice(0, 1);
  }

  show(pair) {
    this.timelines = pair;
    this.active = pair[0];
    byId('timelines').replaceChildren(...pair.map(timeline => timeline.root));
    byId('pair').hidden = this.all.length < 3;
    for (const [i, id] of ['left', 'right'].entries()) {
      byId(id).replaceChildren(...this.all.map(({ trace }) => new Option(trace.mode, trace.mode, false, trace === pair[i]?.trace)));
    }
  }

  /** Another server on one side. If it is on the other side already, the two change places. */
  choose(side, mode) {
    const place = this.active.trace.messages.findIndex(message => message.id === this.active.message);
    const pair = this.timelines.slice(0, 2), chosen = this.all.find(({ trace }) => trace.mode === mode), at = pair.indexOf(chosen);
    if (at >= 0) pair[at] = pair[side];
    pair[side] = chosen;
    this.show(pair);
    this.activate(this.active);
    this.find();
    if (place >= 0) this.follow(place); else this.showAll();
    this.redraw();
  }

  get words() { return WORDS[this.lang]; }

  /** Where the address says, else at a message that shows what the page is about. */
  begin(hash) {
    if (!hash.has('message') && !hash.has('step')) {
      const place = this.opening();
      if (place >= 0) this.follow(place); else this.showAll();
    }
    this.goTo(hash);
    this.timelines.forEach(timeline => timeline.paint());
  }

  /** Goes where an address says. What it does not mention stays. */
  goTo(hash) {
    if (hash.has('lang')) this.setLang(hash.get('lang'));
    if (hash.has('theme')) this.setTheme(hash.get('theme'));
    const pair = this.pair(hash.get('modes'));
    if (hash.has('modes') && (pair.length !== this.timelines.length || pair.some((timeline, i) => timeline !== this.timelines[i]))) this.show(pair);
    this.activate(this.timelines[hash.get('server')] ?? this.active);
    const { steps, trace } = this.active;
    const place = trace.messages.findIndex(message => message.id === Number(hash.get('message')));
    if (place >= 0) this.follow(place);
    const step = Number(hash.get('step'));
    if (Number.isInteger(step) && step > 0) {
      if (place < 0 && !this.fitted) this.showAll();
      this.active.choose(Math.min(step, steps.length) - 1);
    }
    if (hash.get('view') === 'all') this.showAll();
    this.redraw();
  }

  /** The place of the first line that somebody says. With several servers, of one that takes each about as long as most do. */
  opening() {
    const { messages } = this.active.trace;
    const said = messages.findIndex(message => message.text && message.to.length);
    return this.timelines.length === 1 && said >= 0 ? said : this.usual();
  }

  /** The place of the message that is nearest to the median, with all servers. */
  usual() {
    const messages = timeline => timeline.trace.messages;
    // Where texts are known, only lines count.
    const texts = this.timelines.every(timeline => messages(timeline).some(message => message.text));
    const long = (timeline, place) => {
      const message = messages(timeline)[place];
      const counts = message && message.from && message.to.length > 1 && message.whole && (message.text || !texts);
      return counts ? message.end - message.begin : NaN;
    };
    const places = messages(this.active).map((_, place) => place).filter(place => this.timelines.every(timeline => long(timeline, place) > 0));
    const medians = this.timelines.map(timeline => places.map(place => long(timeline, place)).sort((a, b) => a - b)[places.length >> 1]);
    const oddness = place => Math.max(...this.timelines.map((timeline, i) => Math.abs(Math.log(long(timeline, place) / medians[i]))));
    return places.length ? places.reduce((best, place) => oddness(place) < oddness(best) ? place : best) : messages(this.active).length - 1;
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
    this.fitted = 'message';
  }

  showAll() {
    this.timelines.forEach(timeline => timeline.showAll());
    this.fitted = 'all';
  }

  /** The window has changed. Timelines change one after the other, and are fitted together. */
  refit() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = null;
      if (this.fitted === 'message') this.fit();
      if (this.fitted === 'all') this.showAll();
    });
  }

  sleepName(step) {
    return { write: 'write', wait: 'wait', read: 'read', accept: 'accept', lock: 'lock', park: 'room' }[step.kind] ?? step.label;
  }

  activate(timeline) {
    const isOther = this.active !== timeline;
    this.active = timeline;
    for (const each of this.timelines) {
      each.root.classList.toggle('active', each === timeline);
      if (isOther) each.draw();
    }
    if (isOther) this.find();
  }

  // What is told.

  /** Says what is chosen, and where. */
  tell() {
    const timeline = this.active, { steps, messages } = timeline, step = steps[timeline.step], words = this.words;
    const one = this.timelines.length === 1;
    byId('title').textContent = document.title = one ? `tertulia --mode ${timeline.trace.mode}: ${timeline.trace.title[this.lang]}` : words.several;
    // Each of several servers has its facts in its own heading.
    byId('facts').textContent = one ? this.facts(timeline.trace) : '';
    byId('origin').textContent = this.origin(timeline.trace);
    this.nameButtons();
    byId('count').textContent = words.step(timeline.step + 1, steps.length);
    const ids = [...messages.keys()], number = id => words.message(ids.indexOf(id) + 1, ids.length);
    byId('message').textContent = timeline.message === null ? words.noMessage : number(timeline.message);

    const lane = timeline.lane(step), call = timeline.callOf(step);
    byId('sentence').replaceChildren(element('span', 'who', lane ? `${timeline.nameOf(lane)}: ` : ''), timeline.sentence(step) + (call ? ` (${call})` : ''));
    const message = messages.get(timeline.message), story = [];
    if (message) {
      const who = client => timeline.who(client), said = message.text ? [element('q', '', words.says(message.text))] : [];
      story.push(element('b', '', number(message.id)));
      if (one) story.push(...said, words.story(message, this.storyOf(timeline, message), who));
      else story.push(` ${words.from(message, who)}`, ...this.eachStory());
    }
    byId('story').replaceChildren(...story);

    const hash = new URLSearchParams({ step: timeline.step + 1 });
    if (message) hash.set('message', message.id);
    if (!one) {
      hash.set('server', this.timelines.indexOf(timeline));
      hash.set('modes', this.timelines.map(({ trace }) => trace.mode));
    }
    hash.set('lang', this.lang);
    hash.set('theme', document.documentElement.dataset.theme);
    history.replaceState(null, '', `#${hash}`);
  }

  /** What each of several servers did for the message. */
  eachStory() {
    const followed = this.timelines.filter(timeline => timeline.messages.has(timeline.message));
    return followed.map(timeline => {
      const { time, calls } = this.storyOf(timeline, timeline.messages.get(timeline.message));
      const mode = element('b', '', timeline.trace.mode);
      mode.style.color = `var(--c${timeline.index})`;
      return element('span', 'each', mode, ` ${time} · ${calls}`);
    });
  }

  storyOf(timeline, message) {
    const calls = new Map();
    for (const i of message.path) {
      const { call } = timeline.steps[i];
      if (call) calls.set(call[0], (calls.get(call[0]) ?? 0) + call[1]);
    }
    const to = message.to.slice(0, 8).map(client => timeline.who(client)).join(', ') + (message.to.length > 8 ? ', …' : '');
    return {
      to, time: time(message.end - message.begin), slept: timeline.steps[message.path[0]].z,
      calls: [...calls].map(([name, n]) => n > 1 ? `${n} × ${name}` : name).join(' + '),
    };
  }

  /** Counts of the whole recording. */
  facts({ facts, left_out: leftOut }) {
    const { words } = this;
    let text = words.facts(facts);
    if (facts.at_work !== null) text += words.atWork(percent(facts.at_work));
    if (facts.lost) text += words.lost(facts.lost);
    if (leftOut) text += words.leftOut(leftOut);
    return text;
  }

  /** The command, the program and the machine. A recording of an older version does not name them. */
  origin({ origin }) {
    const { command, version, processor, cores, system } = origin;
    const machine = processor && `${processor}, ${this.words.cores(cores)}`;
    return [command, version && `tertulia ${version}`, machine, system].filter(text => text).join(' · ');
  }

  nameButtons() {
    const { words } = this;
    for (const [id, text] of Object.entries(words.buttons)) {
      byId(id).title = text;
      byId(id).setAttribute('aria-label', text);
    }
    byId('lang').textContent = words.language;
    byId('fit').textContent = words.fit;
    byId('all').textContent = words.all;
    byId('play').textContent = this.playing ? words.pause : words.play;
    byId('search').placeholder = words.search;
    byId('beside').textContent = words.beside;
    for (const id of ['left', 'right']) byId(id).ariaLabel = words.beside;
    const key = ([name, text]) => {
      const item = element('li', name, element('i', ''), text);
      item.style.setProperty('--key', `var(--${name})`);
      return item;
    };
    byId('legend').replaceChildren(...Object.entries(words.legend).filter(([name]) => this.isDrawn(name)).map(key));
  }

  /** Whether the legend's entry occurs in a picture. */
  isDrawn(name) {
    this.kinds ??= new Set(this.all.flatMap(timeline => timeline.steps.map(step => step.kind === 'park' ? 'lock' : step.kind)));
    return !['lock', 'inside'].includes(name) || this.kinds.has(name);
  }

  /** The details of a step, beside the mouse. */
  showCard(timeline, index, event) {
    const card = byId('card'), step = timeline.steps[index ?? -1], { words } = this;
    card.hidden = !step;
    if (!step) return;
    const lane = timeline.lane(step), part = timeline.axis.parts[timeline.axis.at(step.b)];
    const rows = [[words.thread, lane ? timeline.nameOf(lane) : ''], [words.lasts, time(step.e - step.b)], [words.at, `+${time(Math.max(step.b - part.begin, 0))}`],
      [words.call, timeline.callOf(step)], [words.partOf, timeline.textOf(step)]];
    const list = element('dl', '', ...rows.filter(([, text]) => text).flatMap(([name, text]) => [element('dt', '', name), element('dd', '', text)]));
    card.replaceChildren(element('b', '', timeline.sentence(step)), list);
    const { offsetWidth, offsetHeight } = card;
    card.style.left = `${clamp(event.clientX + 14, 4, innerWidth - offsetWidth - 4)}px`;
    card.style.top = `${event.clientY + offsetHeight + 24 < innerHeight ? event.clientY + 18 : Math.max(event.clientY - offsetHeight - 12, 4)}px`;
  }

  // Search.

  /** Marks the steps of the active server in which the text occurs. */
  find() {
    const text = byId('search').value.trim();
    for (const timeline of this.timelines) timeline.found = new Set(timeline === this.active && text ? timeline.search(text) : []);
    this.timelines.forEach(timeline => timeline.draw());
    this.tellFound();
  }

  /** Goes to the next of these steps, or the one before; from the last to the first. */
  findNext(by) {
    const found = [...this.active.found], now = this.active.step;
    if (!found.length) return;
    const next = by > 0 ? found.find(i => i > now) ?? found[0] : found.findLast(i => i < now) ?? found.at(-1);
    this.active.choose(next, this.active.steps[next].m?.[0] ?? null);
    this.tellFound();
  }

  tellFound() {
    const found = [...this.active.found];
    byId('found').textContent = byId('search').value.trim() ? this.words.found(found.indexOf(this.active.step) + 1, found.length) : '';
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
      a: () => this.showAll(),
      ' ': () => this.play(),
      Escape: () => this.active.choose(this.active.step, null),
      l: () => { this.setLang(this.lang === 'en' ? 'es' : 'en'); this.find(); this.redraw(); },
      t: () => { this.setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'); this.redraw(); },
      Tab: () => { this.activate(this.timelines[(this.timelines.indexOf(this.active) + 1) % this.timelines.length]); this.tell(); },
      '/': () => byId('search').select(),
      '?': () => this.help(),
    };
    document.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open || event.target === byId('search') || event.target.closest?.('select')) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, focused = document.activeElement;
      // A control that has the focus takes its own keys, and Tab goes on to the next where there is but one server.
      if (key === 'Tab' && (this.timelines.length < 2 || focused !== document.body)) return;
      if (key === ' ' && focused.closest?.('button, summary') || !act[key] || !this.active) return;
      event.preventDefault();
      act[key]();
    });
    byId('search').addEventListener('input', () => { this.find(); if (!this.active.found.has(this.active.step)) this.findNext(1); });
    byId('search').addEventListener('keydown', event => {
      if (event.key === 'Enter') this.findNext(event.shiftKey ? -1 : 1);
      if (event.key === 'Escape') { byId('search').value = ''; this.find(); byId('search').blur(); }
    });
    for (const [side, id] of ['left', 'right'].entries()) byId(id).addEventListener('change', event => this.choose(side, event.target.value));
    const buttons = {
      first: 'Home', back: 'ArrowLeft', play: ' ', on: 'ArrowRight', earlier: 'ArrowUp', later: 'ArrowDown',
      in: '+', out: '-', fit: '0', all: 'a', lang: 'l', theme: 't', ask: '?',
    };
    for (const [id, key] of Object.entries(buttons)) byId(id).addEventListener('click', event => {
        act[key]();
        // After a click of the mouse, the space bar plays again.
        if (event.detail) event.currentTarget.blur();
      });
    byId('help').addEventListener('click', () => byId('help').close());
  }

  nextMessage(by) { if (this.active.trace.messages.length) this.follow(this.active.placeOf(by)); }

  play() {
    const stop = () => { clearInterval(this.playing); this.playing = null; this.nameButtons(); };
    if (this.playing) return stop();
    this.playing = setInterval(() => {
      if (this.active.step + 1 >= this.active.steps.length) return stop();
      this.active.choose(this.active.step + 1);
    }, 1600);
    this.nameButtons();
  }

  help() {
    byId('help').innerHTML = this.words.help;
    byId('help').showModal();
  }

  setLang(lang) { this.lang = document.documentElement.lang = lang === 'es' ? 'es' : 'en'; }

  setTheme(theme) { document.documentElement.dataset.theme = theme === 'dark' ? 'dark' : 'light'; }

  redraw() {
    this.timelines.forEach(timeline => timeline.draw());
    this.tell();
  }
}

const page = new Page(JSON.parse(byId('data').textContent));
