import { ActSender } from './act-buttons.js';
import { AuditPanel, HandoversPanel } from './admin-log.js';
import { InvitationsPanel } from './admin-invitations.js';
import { ListingPanel } from './admin-listing.js';
import { PeoplePanel } from './admin-people.js';
import { StudiosPanel } from './admin-studios.js';
import { TargetsPanel } from './admin-targets.js';
import { TokensPanel } from './admin-tokens.js';
import { SystemPanel, ViewersPanel } from './admin-viewers.js';
import { api } from './api.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { startLiveQueue } from './live-queue.js';
import { KeptOut, OperatorQueue, OperatorStage } from './operator-widgets.js';
import { unwrittenSentence } from './queue-model.js';
import { CHOICES, OUTPUT_SETTINGS, blockChoices, settingsChange, settingsValues } from './settings-model.js';
import { personBar, signInForms } from './sign-in.js';
import { Tabs } from './tabs.js';

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
  const keptOut = element('section', { class: 'panel' });
  const message = element('div');
  const database = element('div');
  const sender = new ActSender(CHANNEL, message, (view) => {
    // The live stream may have brought a newer one meanwhile.
    if (!last || view.version >= last.view.version) drawn(view, following.time());
  });
  const night = element('div', { class: 'columns' }, element('div', { class: 'stack' }, stage, queue),
    element('div', { class: 'stack' }, settings, keptOut));
  show(root, personBar(account, signedOut), database, message, tabs(account, night).root);
  live = { stage: new OperatorStage(stage, sender, CHANNEL), queue: new OperatorQueue(queue, sender, CHANNEL), settings: new SettingsWidget(settings),
    keptOut: new KeptOut(keptOut, sender), database: new DatabaseNotice(database) };
  // The present stream was opened by nobody known: as an operator one is shown more.
  following.again();
  if (last) draw(last.view, last.time);
}

/** The night's own page first; the others are loaded when they are opened. */
function tabs(account, night) {
  const section = (...kinds) => {
    const made = kinds.map((kind) => {
      const root = element('section', { class: 'panel' });
      return { root, panel: kind(root) };
    });
    return { root: element('div', { class: 'stack' }, made.map(({ root }) => root)), open: () => made.forEach(({ panel }) => panel.open()) };
  };
  return new Tabs([
    { id: 'night', name: 'Night', root: night },
    account.role === 'admin' && { id: 'people', name: 'People', ...section((root) => new PeoplePanel(root, account.id), (root) => new InvitationsPanel(root)) },
    account.role === 'admin' && { id: 'deliveries', name: 'Deliveries', ...section((root) => new TargetsPanel(root), (root) => new TokensPanel(root)) },
    { id: 'obs', name: 'OBS', ...section((root) => new StudiosPanel(root, account.role === 'admin')) },
    { id: 'log', name: 'Log', ...section((root) => new HandoversPanel(root, CHANNEL), (root) => new AuditPanel(root, CHANNEL)) },
    { id: 'viewers', name: 'Viewers', ...section((root) => new ViewersPanel(root, CHANNEL), (root) => new ListingPanel(root, CHANNEL)) },
    { id: 'system', name: 'System', ...section((root) => new SystemPanel(root)) },
  ].filter(Boolean));
}

function drawn(view, time) {
  last = { view, time };
  draw(view, time);
}

/** Says that the database is away, and how much would be lost with the server. Drawn only when the words change: it is read aloud. */
class DatabaseNotice {
  #root;
  #text = null;

  constructor(root) {
    this.#root = root;
  }

  render(view) {
    const text = unwrittenSentence(view);
    if (text === this.#text) return;
    this.#text = text;
    show(this.#root, text && notice('bad', element('p', {}, element('b', {}, 'The database does not answer. ')), text));
  }
}

/** All settings of the queue. Drawn again only when the values differ, so that typing is not lost. */
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
          ...(values.coverDrop ? moreFields(values) : []),
        ],
        action: 'Save settings',
        submit: async (entered) => {
          show(this.#message);
          await api.changeSettings(CHANNEL, settingsChange(entered, values));
          show(this.#message, notice('good', 'Saved.'));
        },
      }));
  }
}

const OUTPUT_WORDS = {
  programmeDelay: [
    'Delay of the programme',
    'Like 2s, at most 30s: so long a DJ’s line may fail unseen. Holds from the next hand-over on. Leave empty for the server’s own.',
  ],
  slateText: ['Text of the slate', 'Shown while nobody is on air. Leave empty for the server’s own.'],
  slateFile: ['Image or clip of the slate', 'A file’s name in the folder “slates” of the data folder. Leave empty for the text.'],
  maximumSize: ['Largest picture', 'Like 1920x1080.'],
  maximumFrameRate: ['Highest frame rate', 'Pictures a second, up to 120.'],
  maximumBitrate: ['Highest bitrate', 'In kbit/s.'],
  outputs: ['Ways to watch', 'all, or some of hls,dash,stream,ws,audio,rtmp. What is left out stops at once. Leave empty for none.'],
  videoCodecs: ['Codecs taken', 'h264, hevc or both: h264,hevc. Not every browser and player can show HEVC.'],
};

function moreFields(values) {
  const check = (name, label) => ({ name, label, type: 'checkbox', value: values[name] });
  const text = (name, label, hint) => ({ name, label, hint, value: values[name], required: false, autocomplete: 'off' });
  return [
    check('autoAdvance', 'The next DJ who is ready goes on air by itself'),
    check('overtimeWhenAlone', 'A DJ stays past the slot while nobody waits'),
    check('deadAfter', 'End a slot after 10 s without picture or 20 s without sound'),
    { name: 'coverDrop', label: 'While a dropped DJ has the slot, show', choices: CHOICES.coverDrop, value: values.coverDrop },
    { name: 'rejoin', label: 'After a slot that was ended, DJs may join again', choices: CHOICES.rejoin, value: values.rejoin },
    { name: 'blockAfterTurn', label: 'Pause for a DJ after a turn', choices: blockChoices(values.blockAfterTurn), value: values.blockAfterTurn },
    text('graceOnAir', 'A dropped DJ on air keeps the slot for', 'Like 30s, 5m or 1h; at most 1h.'),
    text('graceWaiting', 'A dropped DJ who waits keeps the place for', 'Like 30s, 5m or 1h; at most 1h.'),
    text('maximumLength', 'Places in the queue', 'Leave empty for no limit.'),
    text('warnings', 'Warn the DJ on air when so much is left', 'Like 10m, 5m, 1m. Leave empty for none.'),
    ...OUTPUT_SETTINGS.map((name) => ({ ...text(name, ...OUTPUT_WORDS[name]), type: name === 'slateText' ? 'lines' : 'text' })),
  ];
}

function failed(error) {
  live = null;
  show(root, notice('bad', error.message), element('button', { class: 'button', type: 'button', onclick: begin }, 'Try again'));
}

function draw(view, time) {
  live?.stage.render(view, time);
  live?.queue.render(view, time);
  live?.settings.render(view);
  live?.keptOut.render(view);
  live?.database.render(view);
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
