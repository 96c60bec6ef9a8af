import { ActSender } from './act-buttons.js';
import { api } from './api.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { startLiveQueue } from './live-queue.js';
import { OperatorQueue, OperatorStage } from './operator-widgets.js';
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
  const queue = element('section', { class: 'panel' });
  const settings = element('section', { class: 'panel' });
  const message = element('div');
  const sender = new ActSender(CHANNEL, message, (view) => {
    // The live stream may have brought a newer one meanwhile.
    if (!last || view.version >= last.view.version) drawn(view, following.time());
  });
  show(root, personBar(account, signedOut), message,
    element('div', { class: 'columns' }, element('div', { class: 'stack' }, stage, queue), settings));
  live = { stage: new OperatorStage(stage, sender), queue: new OperatorQueue(queue, sender), settings: new SettingsWidget(settings) };
  // The present stream was opened by nobody known: as an operator one is shown more.
  following.again();
  if (last) draw(last.view, last.time);
}

function drawn(view, time) {
  last = { view, time };
  draw(view, time);
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

const following = startLiveQueue({
  onView: drawn,
  onTick: (view, time) => live?.stage.tick(view, time),
});
begin();
