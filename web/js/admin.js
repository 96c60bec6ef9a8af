import { api } from './api.js';
import { confirmed } from './confirm.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { startLiveQueue } from './live-queue.js';
import { NowWidget } from './now-widget.js';
import { onAir } from './queue-model.js';
import { QueueWidget } from './queue-widget.js';
import { settingsChange, settingsValues } from './settings-model.js';
import { personBar, signInForms } from './sign-in.js';

const CHANNEL = 'main';
const OPERATORS = ['operator', 'admin'];

const root = document.querySelector('#admin');
let live = null;
let last = null;

function signedOut() {
  live = null;
  show(root, element('p', {}, 'This page is for operators and admins of the channel.'), signInForms(signedIn, false));
}

function signedIn(account) {
  if (!OPERATORS.includes(account.role)) {
    live = null;
    show(root, personBar(account, signedOut),
      notice('bad', `Your account has the role “${account.role}”; running the queue takes an operator or an admin.`,
        'Ask an admin of the channel, or log in with another account.'));
    return;
  }
  const stage = element('section', { class: 'panel' });
  const queue = element('div');
  const settings = element('section', { class: 'panel' });
  show(root, personBar(account, signedOut),
    element('div', { class: 'columns' },
      element('div', { class: 'stack' }, stage, element('section', { class: 'panel' }, element('h2', {}, 'Waiting'), queue)), settings));
  live = { stage: new StageWidget(stage), queue: new QueueWidget(queue), settings: new SettingsWidget(settings) };
  if (last) draw(last.view, last.time);
}

/** Who is on air, and the button that ends their slot. */
class StageWidget {
  #now;
  #button;
  #message = element('div');
  #view = null;

  constructor(stage) {
    const now = element('div');
    show(now, element('p', { class: 'placeholder' }, 'Asking who is on…'));
    this.#now = new NowWidget(now);
    this.#button = element('button', { class: 'button button-danger', type: 'button', hidden: true, onclick: () => this.#skip() }, 'Skip');
    show(stage, element('h2', {}, 'On air'), this.#message, element('div', { class: 'now-bar' }, now), element('p', {}, this.#button));
  }

  render(view, time) {
    this.#view = view;
    this.#now.render(view, time);
    const entry = onAir(view);
    this.#button.hidden = !entry;
    if (entry) this.#button.textContent = `Skip ${entry.name}`;
  }

  tick(view, time) {
    this.#now.tick(view, time);
  }

  async #skip() {
    const entry = onAir(this.#view);
    if (!entry) return;
    const agreed = await confirmed({
      title: `Skip ${entry.name}?`, action: `Skip ${entry.name}`,
      text: `The slot of ${entry.name} ends now, and the next DJ who is ready goes on air.`,
    });
    if (!agreed) return;
    this.#button.disabled = true;
    try {
      // Names the entry that was seen: if it has ended meanwhile, nobody else is skipped.
      await api.skip(CHANNEL, entry.id);
      show(this.#message, notice('good', `${entry.name} was skipped.`));
    } catch (error) {
      show(this.#message, notice('bad', error.message));
    }
    this.#button.disabled = false;
  }
}

/** Slot length and whether joining is allowed. Drawn again only when the values differ, so that typing is not lost. */
class SettingsWidget {
  #root;
  #drawn = null;
  #message = element('div');

  constructor(panel) {
    this.#root = panel;
    show(panel, element('h2', {}, 'Settings'), element('p', { class: 'placeholder' }, 'Loading the settings…'));
  }

  render(view) {
    const values = settingsValues(view);
    const key = JSON.stringify(values);
    if (key === this.#drawn) return;
    this.#drawn = key;
    show(this.#root, element('h2', {}, 'Settings'), this.#message,
      form({
        fields: [
          { name: 'slotMinutes', label: 'Slot length in minutes', inputmode: 'decimal', value: values.slotMinutes, required: false, autocomplete: 'off', hint: 'Leave empty for no limit. 0.5 is 30 seconds.' },
          { name: 'isOpen', label: 'DJs may join the queue', type: 'checkbox', value: values.isOpen },
        ],
        action: 'Save settings',
        submit: async (entered) => {
          show(this.#message);
          await api.changeSettings(CHANNEL, settingsChange(entered));
          show(this.#message, notice('good', 'Saved.'));
        },
      }));
  }
}

function failed(error) {
  live = null;
  show(root, notice('bad', error.message), element('button', { class: 'button', type: 'button', onclick: begin }, 'Try again'));
}

function draw(view, time) {
  live?.stage.render(view, time);
  live?.queue.render(view, time);
  live?.settings.render(view);
}

async function begin() {
  show(root, element('p', { class: 'placeholder' }, 'Looking who you are…'));
  try {
    const account = await api.me();
    if (account) signedIn(account);
    else signedOut();
  } catch (error) {
    failed(error);
  }
}

startLiveQueue({
  onView: (view, time) => {
    last = { view, time };
    draw(view, time);
  },
  onTick: (view, time) => live?.stage.tick(view, time),
});
begin();
