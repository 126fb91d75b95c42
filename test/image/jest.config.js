/** Apart from the others, because it builds an image, which takes minutes: see scripts/check-image.mjs. */
module.exports = {
  ...require('../../jest.config.js'),
  rootDir: '../..',
  roots: ['<rootDir>/test/image'],
  testPathIgnorePatterns: [],
};
