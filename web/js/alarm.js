// A short tone when time runs short, for a DJ who looks elsewhere. Off until switched on; the choice is kept in this browser.

import { element } from './dom.js';

const KEY = 'lineup-tone';

export class Alarm {
  #isOn = read();
  #context = null;

  /** The switch. Switching on sounds the tone once: browsers want a click before any sound. */
  control() {
    const input = element('input', { type: 'checkbox', id: 'tone', checked: this.#isOn });
    input.addEventListener('change', () => {
      this.#isOn = input.checked;
      try {
        localStorage.setItem(KEY, this.#isOn ? 'on' : 'off');
      } catch {
        // Kept for this visit only.
      }
      this.sound();
    });
    return element('div', { class: 'field field-check' }, element('label', { for: 'tone' }, input, 'Sound a tone when my time runs short'));
  }

  sound() {
    if (!this.#isOn) return;
    try {
      this.#context ??= new AudioContext();
      const tone = this.#context.createOscillator();
      const volume = this.#context.createGain();
      const now = this.#context.currentTime;
      tone.frequency.value = 660;
      volume.gain.setValueAtTime(0, now);
      volume.gain.linearRampToValueAtTime(0.25, now + 0.03);
      volume.gain.linearRampToValueAtTime(0, now + 0.6);
      tone.connect(volume).connect(this.#context.destination);
      tone.start(now);
      tone.stop(now + 0.65);
    } catch {
      // No sound here: title and page say it too.
    }
  }
}

function read() {
  try {
    return localStorage.getItem(KEY) === 'on';
  } catch {
    return false;
  }
}
