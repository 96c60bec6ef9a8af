// The settings form's values to and from what the server keeps. Pure.

/** What the form shows for a queue view. */
export function settingsValues(view) {
  return { slotMinutes: view.slotSeconds ? String(Number((view.slotSeconds / 60).toFixed(2))) : '', isOpen: view.isOpen };
}

/** What to send for what was entered. Throws an error with `field` when it makes no sense. */
export function settingsChange({ slotMinutes, isOpen }) {
  const text = slotMinutes.trim().replace(',', '.');
  if (text === '') return { slotSeconds: null, isOpen };
  const seconds = Math.round(Number(text) * 60);
  if (!Number.isFinite(seconds) || seconds < 1 || seconds > 86400) {
    throw Object.assign(new Error('A number of minutes up to 1440, or nothing.'), { field: 'slotMinutes' });
  }
  return { slotSeconds: seconds, isOpen };
}
