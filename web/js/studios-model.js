// What the state of an OBS means to whoever looks. Pure.

const WORDS = {
  fine: { word: 'Follows', tone: 'good' },
  failing: { word: 'Something is missing', tone: 'warm' },
  away: { word: 'Not connected', tone: 'warm' },
  wrongPassword: { word: 'Wrong password', tone: 'air' },
  off: { word: 'Off', tone: 'dim' },
};

/** The fields of presets, with the words at each. */
export const PRESETS = {
  liveScene: 'Scene while a DJ is on air',
  slateScene: 'Scene while nobody is',
  djText: 'Text with the DJ’s name',
  nextText: 'Text with the next DJ’s name',
  timerText: 'Text with the time left',
  restartMedia: 'Media source to restart when a DJ goes on air',
  refreshBrowser: 'Browser source to refresh then',
};

/** `{ word, tone, notes }`: a badge, and sentences beneath it. */
export function studioStatus(studio) {
  const { word, tone } = WORDS[studio.state] ?? { word: studio.state, tone: 'dim' };
  const notes = [];
  if (studio.state === 'away') notes.push(`${studio.lastError ? `${capital(studio.lastError)}. ` : ''}It is tried again by itself.`);
  if (studio.state === 'wrongPassword') notes.push('OBS does not take the password: change it here, or in OBS.');
  if (studio.state === 'failing' && studio.lastError) notes.push(`${capital(studio.lastError)}`);
  if (studio.scene) notes.push(`Shows the scene “${studio.scene}”.`);
  const outputs = [studio.streaming && 'streams', studio.recording && 'records'].filter(Boolean);
  if (outputs.length > 0) notes.push(`It ${outputs.join(' and ')}.`);
  if (studio.droppedFrames >= 0.01) notes.push(`${Math.round(studio.droppedFrames * 100)} % of its stream’s pictures do not leave.`);
  return { word, tone, notes };
}

/** What of a form's preset fields has changed. */
export function presetChanges(entered, present) {
  return Object.fromEntries(Object.keys(PRESETS).filter((name) => (entered[name] ?? '') !== (present[name] ?? ''))
    .map((name) => [name, entered[name] ?? '']));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
