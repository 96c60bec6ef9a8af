// Plays the channel's WebSocket feed through Media Source Extensions: under a second behind the broadcast.
//
// Text messages tell of a format, the binary one after it is its init section, the others are fragments. Everything that came
// waits in one bounded line, since a SourceBuffer takes one thing at a time.

import { ownQuery } from './api.js';
import { decideBuffer, initialBuffer, mayBegin, readFormat } from './buffer-model.js';

/** Bytes that may wait to be taken. More means that this browser does not keep up: begin anew at the live edge. */
const MAXIMUM_WAITING_BYTES = 24 * 1024 * 1024;
const TICK_MILLISECONDS = 200;
/** Without a message for so long the connection is taken for dead. */
const SILENCE_MILLISECONDS = 8000;

/** What most DJs send: 1080p60 in H.264 High, with AAC-LC. */
const USUAL = 'video/mp4; codecs="avc1.64002A, mp4a.40.2"';

const Source = window.ManagedMediaSource ?? window.MediaSource;

export class MediaSourceEngine {
  static get isSupported() {
    return Boolean(Source && window.WebSocket && window.SourceBuffer);
  }

  #video;
  #address;
  #tell;
  #socket = null;
  #source = null;
  #buffer = null;
  #url = null;
  /** `{ mime }` or `{ bytes }`, in order. */
  #line = [];
  #waitingBytes = 0;
  #mime = null;
  #size = { width: null, height: null };
  #state = initialBuffer;
  #timer = null;
  #heardAt = 0;
  #hasBegun = false;
  #latency = null;

  /**
   * `tell(kind, hasBegun)` is called with `failed`; with `undecodable` when this browser knows H.264 but not what is sent now; with
   * `unsupported` when it does not know H.264 either.
   */
  constructor(video, channel, tell) {
    this.#video = video;
    this.#address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/${encodeURIComponent(channel)}${ownQuery}`;
    this.#tell = tell;
  }

  get latency() { return this.#latency; }
  get size() { return this.#size; }
  /** Whether media ever came over this engine's present connection. */
  get hasBegun() { return this.#hasBegun; }

  start() {
    this.stop();
    this.#source = new Source();
    this.#url = URL.createObjectURL(this.#source);
    if (window.ManagedMediaSource) this.#video.disableRemotePlayback = true;
    this.#video.src = this.#url;
    this.#source.addEventListener('sourceopen', () => this.#connect(), { once: true });
  }

  /** Harmless when done twice. */
  stop() {
    clearInterval(this.#timer);
    if (this.#socket) {
      this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
    }
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#socket = this.#source = this.#buffer = this.#url = null;
    this.#line = [];
    this.#waitingBytes = 0;
    this.#mime = null;
    this.#hasBegun = false;
    this.#latency = null;
    this.#video.playbackRate = 1;
  }

  /** To the newest picture. */
  goLive() {
    const ranges = this.#ranges();
    if (ranges.length === 0) return;
    const [start, end] = ranges[ranges.length - 1];
    this.#video.currentTime = Math.max(start, end - this.#state.target);
  }

  #connect() {
    if (!this.#source) return;
    this.#heardAt = performance.now();
    const socket = new WebSocket(this.#address);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#fail();
    this.#socket = socket;
    this.#timer = setInterval(() => this.#tick(), TICK_MILLISECONDS);
  }

  #fail(kind = 'failed') {
    const hasBegun = this.#hasBegun;
    this.stop();
    this.#tell(kind, hasBegun);
  }

  #receive(data) {
    this.#heardAt = performance.now();
    if (typeof data === 'string') {
      const format = readFormat(data);
      if (!format) return;
      if (!Source.isTypeSupported(format.mime)) {
        this.#fail(Source.isTypeSupported(USUAL) ? 'undecodable' : 'unsupported');
        return;
      }
      this.#line.push({ format });
    } else {
      this.#waitingBytes += data.byteLength;
      if (this.#waitingBytes > MAXIMUM_WAITING_BYTES) {
        this.#fail();
        return;
      }
      this.#line.push({ bytes: data });
    }
    this.#drain();
  }

  #drain() {
    while (this.#line.length > 0 && this.#source?.readyState === 'open' && !this.#buffer?.updating) {
      const { format, bytes } = this.#line[0];
      try {
        if (format) {
          this.#take(format);
        } else if (this.#buffer) {
          this.#buffer.appendBuffer(bytes);
          this.#waitingBytes -= bytes.byteLength;
        }
        this.#line.shift();
      } catch (error) {
        if (error.name === 'QuotaExceededError' && this.#makeRoom()) return;
        this.#fail();
        return;
      }
    }
  }

  #take(format) {
    this.#size = format;
    if (!this.#buffer) {
      this.#buffer = this.#source.addSourceBuffer(format.mime);
      this.#buffer.addEventListener('updateend', () => this.#drain());
      this.#buffer.addEventListener('error', () => this.#fail());
      this.#source.duration = Infinity;
    } else if (format.mime !== this.#mime) {
      // The next DJ sends other codecs: the same buffer goes on with them.
      this.#buffer.changeType(format.mime);
    }
    this.#mime = format.mime;
  }

  /** Lets go of what was played. False when there was nothing. */
  #makeRoom() {
    const ranges = this.#ranges();
    const before = this.#video.currentTime - 1;
    if (ranges.length === 0 || before <= ranges[0][0]) return false;
    this.#buffer.remove(0, before);
    return true;
  }

  #ranges() {
    if (!this.#buffer) return [];
    try {
      const { buffered } = this.#buffer;
      return Array.from({ length: buffered.length }, (_, index) => [buffered.start(index), buffered.end(index)]);
    } catch {
      // The source was closed under it.
      return [];
    }
  }

  #tick() {
    const now = performance.now();
    if (now - this.#heardAt > SILENCE_MILLISECONDS) {
      this.#fail();
      return;
    }
    const ranges = this.#ranges();
    const video = this.#video;
    if (!this.#hasBegun) {
      if (!mayBegin(ranges, this.#state.target)) return;
      this.#hasBegun = true;
      this.#state = { ...this.#state, calmSince: now };
      this.goLive();
      if (!video.paused) video.play().catch(() => {});
      return;
    }
    const decision = decideBuffer(this.#state, {
      time: video.currentTime, ranges, isPaused: video.paused, isSeeking: video.seeking, now,
    });
    this.#state = decision.state;
    this.#latency = decision.latency;
    if (decision.seekTo !== null) video.currentTime = decision.seekTo;
    if (video.playbackRate !== decision.rate) video.playbackRate = decision.rate;
    if (decision.removeBefore !== null && !this.#buffer.updating) this.#buffer.remove(0, decision.removeBefore);
  }
}
