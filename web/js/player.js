// Owns the <video>: picks the feed that this browser plays best, keeps it playing, and has the controls.

import { api, playlistPath } from './api.js';
import { latencyText, qualityText } from './buffer-model.js';
import { copyRow } from './copy-row.js';
import { element, show } from './dom.js';
import { NativeHLSEngine } from './hls-engine.js';
import { MediaSourceEngine } from './mse-engine.js';
import { chooseEngine, decide, initial, keyAct, message, offeredEngines } from './player-model.js';

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
  #fruitless = 0;
  #outputs = ['hls', 'ws'];
  #state = initial;
  #timer = null;
  #pausedAt = 0;
  #lastMove = { time: -1, at: 0 };

  constructor(root, channel) {
    this.#root = root;
    this.#channel = channel;
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
    this.#handle({ kind: 'started', canPlay: chooseEngine(this.#can, 0) !== null });
    setInterval(() => this.#look(), 1000);
  }

  /** Which outputs the channel offers; what plays goes on for as long as it does. */
  offer(outputs) {
    this.#outputs = outputs;
  }

  /** Whether the channel is offered where the viewer is; told again and again. */
  place(isOutside) {
    this.#handle({ kind: 'placed', isOutside });
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
    const facts = element('span', { class: 'player-facts' });
    const full = button('Full screen', () => this.#toggleFullscreen(), 'F');
    const canFill = Boolean(document.fullscreenEnabled || this.#video.webkitEnterFullscreen);
    return {
      root: element('div', { class: 'player-controls', role: 'group', 'aria-label': 'Player' }, play, sound, volume, live, facts, canFill && full),
      play, sound, live, facts,
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
    on('click', () => this.#togglePlay());
    on('dblclick', () => this.#toggleFullscreen());
    on('pause', () => {
      this.#pausedAt = performance.now();
      this.#handle({ kind: 'paused' });
    });
    on('play', () => this.#handle({ kind: 'resumed', pausedSeconds: (performance.now() - this.#pausedAt) / 1000 }));
    window.addEventListener('offline', () => this.#handle({ kind: 'offline' }));
    window.addEventListener('online', () => this.#handle({ kind: 'online' }));
    document.addEventListener('keydown', (event) => {
      const act = keyAct({ key: event.key, tag: event.target.tagName, isModified: event.ctrlKey || event.altKey || event.metaKey });
      if (!act || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      if (act === 'toggle') this.#togglePlay();
      else if (act === 'mute') this.#toggleSound();
      else this.#toggleFullscreen();
    });
  }

  #handle(event) {
    const { state, action, delay } = decide(this.#state, event, Math.random());
    this.#state = state;
    this.#draw();
    if (action === 'none') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (action === 'load' ? this.#load() : this.#probe()), delay);
  }

  #failed() {
    if (!this.#engine?.hasBegun) this.#fruitless += 1;
    this.#engine?.stop();
    this.#handle({ kind: 'failed' });
  }

  #load() {
    this.#lastMove = { time: -1, at: performance.now() };
    this.#engine?.stop();
    const kind = chooseEngine(offeredEngines(this.#can, this.#outputs), this.#fruitless);
    if (kind === null) {
      this.#handle({ kind: 'started', canPlay: false });
      return;
    }
    this.#engine = kind === 'hls' ? new NativeHLSEngine(this.#video, this.#channel)
      : new MediaSourceEngine(this.#video, this.#channel, (outcome) => this.#told(outcome));
    this.#root.dataset.feed = kind;
    this.#engine.start();
    // Refused where even muted playing needs a click. Other failures come as `error`.
    this.#video.play().catch(({ name }) => {
      if (name !== 'NotAllowedError') return;
      this.#pausedAt = performance.now();
      this.#handle({ kind: 'blocked' });
    });
  }

  #told(outcome) {
    if (outcome === 'unsupported') {
      this.#can.mse = false;
      this.#handle({ kind: 'started', canPlay: this.#can.hls });
      return;
    }
    if (outcome === 'undecodable') {
      this.#handle({ kind: 'undecodable' });
      return;
    }
    // The engine has stopped by now: whether it ever began is in the picture that moved.
    this.#fruitless = this.#lastMove.time > 0 ? 0 : this.#fruitless + 1;
    this.#handle({ kind: 'failed' });
  }

  async #probe() {
    this.#handle({ kind: 'probed', answer: await api.playlist(this.#channel) });
  }

  /** Each second: what is read out, whether the picture still moves, and whether a long pause should let the feed go. */
  #look() {
    this.#drawFacts();
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
    const latency = isPlaying ? this.#engine?.latency ?? null : null;
    const parts = [isPlaying && qualityText(width, height), latency !== null && `${latencyText(latency)} behind`];
    const text = parts.filter(Boolean).join(' · ');
    if (this.#controls.facts.textContent !== text) this.#controls.facts.textContent = text;
    this.#controls.facts.title = latency === null ? '' : 'How far your picture is behind the newest that has reached this page';
  }

  #draw() {
    const { phase } = this.#state;
    this.#root.dataset.phase = phase;
    const text = message(phase);
    this.#overlay.hidden = text === null;
    if (this.#overlay.dataset.phase !== phase) {
      this.#overlay.dataset.phase = phase;
      show(this.#overlay, text && element('p', {}, text),
        (phase === 'unsupported' || phase === 'undecodable') && copyRow('', location.origin + playlistPath(this.#channel)));
    }
    const { play, sound, root } = this.#controls;
    root.hidden = phase === 'unsupported' || phase === 'outside';
    play.textContent = this.#video.paused ? 'Play' : 'Pause';
    sound.textContent = this.#video.muted ? 'Sound on' : 'Mute';
    this.#unmute.hidden = phase !== 'playing' || !this.#video.muted;
  }
}
