// Owns the <video>. The browser plays HLS itself; where it cannot, the page says what can.

import { api, playlistPath } from './api.js';
import { copyRow } from './copy-row.js';
import { element, show } from './dom.js';
import { decide, initial, message } from './player-model.js';

/** A picture that does not move for so long is loaded anew. */
const STUCK_MILLISECONDS = 12000;

export class Player {
  #root;
  #channel;
  #video;
  #overlay;
  #unmute;
  #state = initial;
  #timer = null;
  #pausedAt = 0;
  #lastMove = { time: -1, at: 0 };

  constructor(root, channel) {
    this.#root = root;
    this.#channel = channel;
    // preload=none: Chromium fails when play() follows soon after a metadata load. Muted: sound needs a click first.
    this.#video = element('video', { preload: 'none', playsinline: true, muted: true, controls: true, 'aria-label': 'The broadcast' });
    this.#video.muted = true;
    this.#overlay = element('div', { class: 'player-message', role: 'status' });
    this.#unmute = element('button', { class: 'button player-unmute', type: 'button', hidden: true, onclick: () => this.#turnSoundOn() }, 'Turn sound on');
    show(root, this.#video, this.#overlay, this.#unmute);
    this.#listen();
  }

  start() {
    const canPlay = this.#video.canPlayType('application/vnd.apple.mpegurl') !== '';
    this.#handle({ kind: 'started', canPlay });
    setInterval(() => this.#lookForStandstill(), 2000);
  }

  #listen() {
    const on = (name, handler) => this.#video.addEventListener(name, handler);
    on('playing', () => this.#handle({ kind: 'playing' }));
    on('waiting', () => this.#handle({ kind: 'starved' }));
    on('error', () => this.#handle({ kind: 'failed' }));
    on('ended', () => this.#handle({ kind: 'failed' }));
    on('volumechange', () => this.#draw());
    on('pause', () => {
      this.#pausedAt = performance.now();
      this.#handle({ kind: 'paused' });
    });
    on('play', () => this.#handle({ kind: 'resumed', pausedSeconds: (performance.now() - this.#pausedAt) / 1000 }));
    window.addEventListener('offline', () => this.#handle({ kind: 'offline' }));
    window.addEventListener('online', () => this.#handle({ kind: 'online' }));
  }

  #handle(event) {
    const { state, action, delay } = decide(this.#state, event, Math.random());
    this.#state = state;
    this.#draw();
    if (action === 'none') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (action === 'load' ? this.#load() : this.#probe()), delay);
  }

  #load() {
    this.#lastMove = { time: -1, at: performance.now() };
    this.#video.src = playlistPath(this.#channel);
    // Refused where even muted playing needs a click: the controls are there. Other failures come as `error`.
    this.#video.play().catch(() => {});
  }

  async #probe() {
    this.#handle({ kind: 'probed', answer: await api.playlist(this.#channel) });
  }

  #lookForStandstill() {
    const { phase } = this.#state;
    if (phase !== 'playing' && phase !== 'buffering' && phase !== 'loading') return;
    const now = performance.now();
    if (this.#video.currentTime !== this.#lastMove.time) {
      this.#lastMove = { time: this.#video.currentTime, at: now };
    } else if (!document.hidden && now - this.#lastMove.at > STUCK_MILLISECONDS) {
      this.#lastMove.at = now;
      this.#handle({ kind: 'stuck' });
    }
  }

  #turnSoundOn() {
    this.#video.muted = false;
    this.#video.focus();
  }

  #draw() {
    const { phase } = this.#state;
    this.#root.dataset.phase = phase;
    const text = message(phase);
    this.#overlay.hidden = text === null;
    if (this.#overlay.dataset.phase !== phase) {
      this.#overlay.dataset.phase = phase;
      show(this.#overlay, text && element('p', {}, text),
        phase === 'unsupported' && copyRow('', location.origin + playlistPath(this.#channel)));
    }
    this.#video.controls = phase !== 'unsupported';
    this.#unmute.hidden = phase !== 'playing' || !this.#video.muted;
  }
}
