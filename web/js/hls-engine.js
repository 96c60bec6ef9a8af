// Plays the channel's HLS playlist with the browser's own player. Of its latency it tells nothing beyond a start date; Chromium's not that.

import { playlistPath } from './api.js';

export class NativeHLSEngine {
  static isSupportedBy(video) {
    return video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  #video;
  #channel;

  constructor(video, channel) {
    this.#video = video;
    this.#channel = channel;
  }

  /** Seconds from the picture's making to its showing, where the browser knows the playlist's dates (Safari); else `null`. */
  get latency() {
    const start = this.#video.getStartDate?.().getTime();
    return Number.isFinite(start) ? Math.max(0, Date.now() / 1000 - start / 1000 - this.#video.currentTime) : null;
  }

  get size() { return { width: this.#video.videoWidth || null, height: this.#video.videoHeight || null }; }
  get hasBegun() { return this.#video.currentTime > 0; }

  start() {
    this.#video.src = playlistPath(this.#channel);
  }

  stop() {
    this.#video.removeAttribute('src');
  }

  goLive() {
    const { seekable } = this.#video;
    if (seekable.length > 0) this.#video.currentTime = seekable.end(seekable.length - 1);
    else this.start();
  }
}
