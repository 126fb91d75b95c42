/** Apart from the others, because it needs the example app installed and built: see scripts/check-drill.mjs. */
module.exports = {
  ...require('../../jest.config.js'),
  rootDir: '../..',
  roots: ['<rootDir>/test/drill'],
  testPathIgnorePatterns: [],
};
