// Owns the <video>: picks the feed that this browser plays best, keeps it playing, and has the controls.

import { api, playlistPath } from './api.js';
import { behindText, qualityText } from './buffer-model.js';
import { clickAct, isIdle, keyAct } from './controls-model.js';
import { copyRow } from './copy-row.js';
import { element, show } from './dom.js';
import { chooseEngine, feedsAfter, initialFeeds, isBack, probePath, socketPath } from './feed-model.js';
import { NativeHLSEngine } from './hls-engine.js';
import { MediaSourceEngine } from './mse-engine.js';
import { decide, initial, message } from './player-model.js';

/** A picture that does not move for so long is loaded anew. */
const STUCK_MILLISECONDS = 12000;
/** Paused for so long the feed is let go; playing again begins at the live edge. */
const PAUSE_MILLISECONDS = 10000;

export class Player {
  #root;
  #channel;
  #video;
  #overlay;
  #unmute;
  #controls;
  #engine = null;
  #can;
  /** `mse` or `hls`: whose engine it is. */
  #feed = null;
  #feeds = initialFeeds;
  #askOutputs;
  #state = initial;
  #timer = null;
  /** Whether the try that failed had brought anything. */
  #hadBegun = false;
  /** Counts what was begun, so that an answer that comes late is known. */
  #turn = 0;
  #pausedAt = 0;
  #lastMove = { time: -1, at: 0 };
  /** When somebody last did something to the player, and where the pointer was. */
  #touchedAt = performance.now();
  #pointer = { x: -1, y: -1 };
  #pointerType = 'mouse';

  /** `askOutputs`: has `offer` told anew, and resolves then; asked when an output turns out to be off. */
  constructor(root, channel, askOutputs) {
    this.#root = root;
    this.#channel = channel;
    this.#askOutputs = askOutputs;
    // preload=none: Chromium fails when play() follows soon after a metadata load. Muted: sound needs a click first.
    this.#video = element('video', { preload: 'none', playsinline: true, muted: true, 'aria-label': 'The broadcast' });
    this.#video.muted = true;
    this.#overlay = element('div', { class: 'player-message', role: 'status' });
    this.#unmute = element('button', { class: 'button player-unmute', type: 'button', hidden: true, onclick: () => this.#toggleSound() }, 'Turn sound on');
    this.#controls = this.#makeControls();
    show(root, this.#video, this.#overlay, this.#unmute, this.#controls.root);
    this.#can = { mse: MediaSourceEngine.isSupported, hls: NativeHLSEngine.isSupportedBy(this.#video) };
    this.#listen();
  }

  start() {
    this.#handle({ kind: 'started', canPlay: this.#can.mse || this.#can.hls });
    setInterval(() => this.#look(), 1000);
  }

  /** Which outputs the channel offers; told again and again. What plays goes on for as long as it does, unless a better one is back. */
  offer(outputs) {
    const isBetter = isBack(this.#feeds, outputs);
    this.#learn({ kind: 'offered', outputs });
    const best = this.#best;
    this.#handle({ kind: 'offered', best, isBetter: isBetter && best === 'mse' && this.#feed === 'hls' });
  }

  /** Whether the channel is offered where the viewer is; told again and again. */
  place(isOutside) {
    this.#handle({ kind: 'placed', isOutside });
  }

  get #best() { return chooseEngine(this.#can, this.#feeds); }

  #learn(event) {
    this.#feeds = feedsAfter(this.#feeds, event);
  }

  #makeControls() {
    const button = (name, onclick, title) => element('button', { class: 'player-button', type: 'button', title, onclick }, name);
    const play = button('Pause', () => this.#togglePlay(), 'Space');
    const sound = button('Sound on', () => this.#toggleSound(), 'M');
    const volume = element('input', { type: 'range', class: 'player-volume', min: 0, max: 100, step: 5, value: 100, 'aria-label': 'Volume' });
    volume.addEventListener('input', () => {
      this.#video.volume = Number(volume.value) / 100;
      this.#video.muted = this.#video.volume === 0;
    });
    const live = button('Live', () => this.#goLive(), 'To the newest picture');
    const quality = element('span', { class: 'player-quality' });
    const latency = element('span');
    const facts = element('span', { class: 'player-facts' }, quality, latency);
    const full = button('Full screen', () => this.#toggleFullscreen(), 'F');
    const canFill = Boolean(document.fullscreenEnabled || this.#video.webkitEnterFullscreen);
    return {
      root: element('div', { class: 'player-controls', role: 'group', 'aria-label': 'Player' }, play, sound, volume, live, facts, canFill && full),
      play, sound, quality, latency,
    };
  }

  #listen() {
    const on = (name, handler) => this.#video.addEventListener(name, handler);
    on('playing', () => this.#handle({ kind: 'playing' }));
    on('waiting', () => this.#handle({ kind: 'starved' }));
    on('error', () => {
      if (this.#video.getAttribute('src')) this.#failed();
    });
    on('ended', () => this.#failed());
    on('volumechange', () => this.#draw());
    on('click', (event) => this.#click(event));
    on('dblclick', () => {
      // A finger's first tap may only have shown the controls.
      if (this.#pointerType !== 'touch') this.#toggleFullscreen();
    });
    on('pause', () => {
      this.#pausedAt = performance.now();
      this.#handle({ kind: 'paused' });
    });
    on('play', () => this.#handle({ kind: 'resumed', pausedSeconds: (performance.now() - this.#pausedAt) / 1000 }));
    window.addEventListener('offline', () => this.#handle({ kind: 'offline' }));
    window.addEventListener('online', () => {
      this.#learn({ kind: 'online' });
      this.#handle({ kind: 'online' });
    });
    this.#listenForPeople();
  }

  #listenForPeople() {
    const on = (name, handler) => this.#root.addEventListener(name, handler);
    // A finger on hidden controls must not press them: they are shown by the click, which comes last.
    on('pointerdown', (event) => {
      this.#pointerType = event.pointerType;
      if (event.pointerType !== 'touch' || !this.#isIdle) this.#wake();
    });
    on('pointermove', ({ pointerType, clientX: x, clientY: y }) => {
      // Browsers tell of moves where only what is under the pointer has changed.
      if ((pointerType === 'touch' && this.#isIdle) || (x === this.#pointer.x && y === this.#pointer.y)) return;
      this.#pointer = { x, y };
      this.#wake();
    });
    on('pointerleave', ({ pointerType }) => {
      if (pointerType === 'touch') return;
      this.#touchedAt = -Infinity;
      this.#drawIdle();
    });
    for (const name of ['keydown', 'focusin']) on(name, () => this.#wake());
    on('focusout', () => this.#drawIdle());
    document.addEventListener('keydown', (event) => {
      const act = keyAct({
        key: event.key, tag: event.target.tagName, isModified: event.ctrlKey || event.altKey || event.metaKey || event.shiftKey,
        isInPlayer: this.#root.contains(event.target),
      });
      if (!act || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      this.#wake();
      if (act === 'toggle') this.#togglePlay();
      else if (act === 'mute') this.#toggleSound();
      else this.#toggleFullscreen();
    });
  }

  #click({ pointerType = this.#pointerType }) {
    const wasIdle = this.#isIdle;
    this.#wake();
    if (clickAct({ pointerType, wasIdle }) === 'toggle') this.#togglePlay();
  }

  #wake() {
    this.#touchedAt = performance.now();
    this.#drawIdle();
  }

  get #isIdle() { return this.#root.classList.contains('idle'); }

  #drawIdle() {
    this.#root.classList.toggle('idle', isIdle({
      phase: this.#state.phase, restMilliseconds: performance.now() - this.#touchedAt,
      hasKeyboardFocus: this.#controls.root.querySelector(':focus-visible') !== null,
    }));
  }

  #handle(event) {
    const { state, action, delay } = decide(this.#state, event, Math.random());
    this.#state = state;
    this.#draw();
    if (action === 'none') return;
    if (action === 'release') {
      this.#engine?.stop();
      return;
    }
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (action === 'load' ? this.#load() : this.#probe()), delay);
  }

  #failed(hasBegun = this.#engine?.hasBegun ?? false) {
    this.#engine?.stop();
    this.#hadBegun = hasBegun;
    this.#handle({ kind: 'failed' });
  }

  #load() {
    this.#lastMove = { time: -1, at: performance.now() };
    this.#engine?.stop();
    const feed = this.#best;
    if (feed === null) {
      this.#handle({ kind: 'offered', best: null });
      return;
    }
    this.#learn({ kind: 'loaded' });
    this.#engine = feed === 'hls' ? new NativeHLSEngine(this.#video, this.#channel)
      : new MediaSourceEngine(this.#video, this.#channel, (outcome, hasBegun) => this.#told(outcome, hasBegun));
    this.#feed = this.#root.dataset.feed = feed;
    this.#engine.start();
    // Refused where even muted playing needs a click. Other failures come as `error`.
    this.#video.play().catch(({ name }) => {
      if (name !== 'NotAllowedError') return;
      this.#pausedAt = performance.now();
      this.#handle({ kind: 'blocked' });
    });
  }

  #told(outcome, hasBegun) {
    if (outcome === 'unsupported') {
      this.#can.mse = false;
      this.#handle({ kind: 'started', canPlay: this.#can.hls });
      return;
    }
    if (outcome === 'undecodable') {
      this.#handle({ kind: 'undecodable' });
      return;
    }
    this.#failed(hasBegun);
  }

  async #probe() {
    const turn = this.#turn;
    const told = await this.#whyNot();
    if (turn !== this.#turn) return;
    const best = this.#best;
    this.#handle({ kind: 'probed', ...told, isOtherFeed: this.#feed === 'mse' && best === 'hls' });
    if (told.answer !== 'sentAway' && told.answer !== 'uninvited') return;
    // What was held of the media goes with the right to it.
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** How the media's addresses answer; a feed that is full, off or kept back by a proxy is known by it. */
  async #whyNot() {
    const path = probePath(this.#channel, this.#feeds.outputs);
    const told = await api.media(path);
    const own = socketPath(this.#channel);
    // Each feed may be refused alone.
    const socket = this.#feed !== 'mse' || path === own || told.answer !== 'ready' ? told : await api.media(own);
    if (socket.answer === 'off') await this.#askOutputs();
    if (told.answer === 'ready' || socket.answer === 'full') {
      this.#learn({ kind: 'failed', feed: this.#feed, hasBegun: this.#hadBegun, socket: socket.answer });
    }
    return socket.answer === 'full' ? socket : told;
  }

  /** Each second: what is read out, whether the picture still moves, and whether a long pause should let the feed go. */
  #look() {
    this.#drawFacts();
    this.#drawIdle();
    const now = performance.now();
    const { phase } = this.#state;
    if (phase === 'paused' && now - this.#pausedAt > PAUSE_MILLISECONDS) this.#engine?.stop();
    if (phase !== 'playing' && phase !== 'buffering' && phase !== 'loading') return;
    if (this.#video.currentTime !== this.#lastMove.time) {
      this.#lastMove = { time: this.#video.currentTime, at: now };
    } else if (!document.hidden && now - this.#lastMove.at > STUCK_MILLISECONDS) {
      this.#lastMove.at = now;
      this.#failed();
    }
  }

  #togglePlay() {
    if (!this.#video.paused) {
      this.#video.pause();
    } else if (this.#engine) {
      this.#video.play().catch(() => this.#draw());
      if (!this.#video.getAttribute('src')) this.#handle({ kind: 'resumed', pausedSeconds: Infinity });
    }
  }

  #toggleSound() {
    this.#video.muted = !this.#video.muted;
    if (!this.#video.muted && this.#video.volume === 0) this.#video.volume = 1;
    this.#draw();
  }

  #goLive() {
    if (this.#video.paused) this.#togglePlay();
    this.#engine?.goLive();
  }

  #toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.#root.requestFullscreen) this.#root.requestFullscreen().catch(() => {});
    else this.#video.webkitEnterFullscreen?.();
  }

  #drawFacts() {
    const isPlaying = this.#state.phase === 'playing';
    const { width, height } = this.#engine?.size ?? {};
    const size = isPlaying ? qualityText(width, height) : '';
    const behind = isPlaying ? behindText(this.#engine?.latency ?? null, this.#feed) : { text: '', title: '' };
    const { quality, latency } = this.#controls;
    const write = (span, text) => {
      if (span.textContent !== text) span.textContent = text;
    };
    write(quality, size && behind.text ? `${size} · ` : size);
    write(latency, behind.text);
    latency.title = behind.title;
  }

  #draw() {
    const { phase, reason } = this.#state;
    this.#root.dataset.phase = phase;
    const text = message(phase, reason);
    this.#overlay.hidden = text === null;
    if (this.#overlay.dataset.phase !== phase) {
      this.#overlay.dataset.phase = phase;
      show(this.#overlay, text && element('p', {}, text),
        phase === 'uninvited' && element('button', { class: 'button', type: 'button', onclick: () => this.#handle({ kind: 'asked' }) }, 'Look again'),
        (phase === 'unsupported' || phase === 'undecodable') && copyRow('', location.origin + playlistPath(this.#channel)));
    }
    const { play, sound, root } = this.#controls;
    root.hidden = ['unsupported', 'outside', 'uninvited', 'sentAway', 'notOffered'].includes(phase);
    play.textContent = this.#video.paused ? 'Play' : 'Pause';
    sound.textContent = this.#video.muted ? 'Sound on' : 'Mute';
    this.#drawIdle();
    this.#unmute.hidden = phase !== 'playing' || !this.#video.muted;
  }
}
