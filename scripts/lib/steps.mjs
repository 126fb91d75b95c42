// One line per step that takes long, with its time; a failure ends the process with its message.
export function step(title, work) {
  process.stdout.write(`${title} ... `);
  const start = Date.now();
  try {
    const result = work();
    console.log(`${((Date.now() - start) / 1000).toFixed(1)} s`);
    return result;
  } catch (error) {
    console.log('failed');
    console.error(error.message);
    process.exit(1);
  }
}
