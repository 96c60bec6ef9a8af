// The settings form's values to and from what the server keeps. Pure.

/** What the form shows for a queue view; the settings beside length and door only where the view has them. */
export function settingsValues(view) {
  const values = { slotMinutes: view.slotSeconds ? String(Number((view.slotSeconds / 60).toFixed(2))) : '', isOpen: view.isOpen };
  const settings = view.settings;
  if (!settings) return values;
  return {
    ...values,
    autoAdvance: settings.autoAdvance,
    overtimeWhenAlone: settings.overtimeWhenAlone,
    deadAfter: settings.deadAfter,
    coverDrop: settings.coverDrop,
    rejoin: settings.rejoin,
    blockAfterTurn: settings.blockAfterTurn,
    graceOnAir: spanText(settings.graceOnAirSeconds),
    graceWaiting: spanText(settings.graceWaitingSeconds),
    maximumLength: settings.maximumLength ? String(settings.maximumLength) : '',
    warnings: settings.warningSeconds.map(spanText).join(', '),
    ...Object.fromEntries(OUTPUT_SETTINGS.map((name) => [name, outputText(settings.output[name])])),
  };
}

/** What the channel shows with nobody on air, and takes of DJs: texts as the server reads them. */
export const OUTPUT_SETTINGS = [
  'programmeDelay', 'slateText', 'slateFile', 'maximumSize', 'maximumFrameRate', 'maximumBitrate', 'videoCodecs', 'outputs',
];

function outputText(value) {
  return value === undefined || value === 'none' ? '' : value;
}

/** What to send for what was entered: only what differs from `drawn`. Throws an error with `field` when it makes no sense. */
export function settingsChange(entered, drawn = {}) {
  const change = {};
  for (const [name, value] of Object.entries(entered)) {
    if (drawn[name] === value) continue;
    if (name === 'slotMinutes') change.slotSeconds = slotSeconds(value);
    else if (typeof value === 'boolean') change[name] = value;
    // The server reads spans without blanks, and says at which field something is wrong.
    else change[name] = (name === 'slateText' ? value.trim() : value.replace(/\s/g, '')) || 'none';
  }
  return change;
}

/** The choices of the settings that have some: the value, and what it means. */
export const CHOICES = {
  coverDrop: { slate: 'the slate, until they are back', next: 'the next DJ; who dropped comes after' },
  rejoin: { tail: 'at once, at the end of the queue', afterQuiet: 'after their encoder was quiet for a minute' },
};

/** How long a DJ may not play again after a turn. What is set and not listed is offered too. */
export function blockChoices(present) {
  const choices = {
    off: 'no pause', untilSomeoneElsePlayed: 'until somebody else has played', '15m': '15 minutes', '30m': '30 minutes', '60m': '1 hour',
    '180m': '3 hours', '1440m': '1 day',
  };
  return present in choices || !present ? choices : { ...choices, [present]: `${parseInt(present, 10)} minutes` };
}

function slotSeconds(entered) {
  const text = entered.trim().replace(',', '.');
  if (text === '') return null;
  const seconds = Math.round(Number(text) * 60);
  if (!Number.isFinite(seconds) || seconds < 1 || seconds > 86400) {
    throw Object.assign(new Error('A number of minutes up to 1440, or nothing.'), { field: 'slotMinutes' });
  }
  return seconds;
}

function spanText(seconds) {
  if (seconds > 0 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds > 0 && seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}
