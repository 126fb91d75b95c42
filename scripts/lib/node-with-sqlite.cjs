// A Node that has node:sqlite: this one, or one that `npm test` installs for the tests.
const { join } = require('node:path');

const [major, minor] = process.versions.node.split('.').map(Number);
const hasSqlite = major > 22 || (major === 22 && minor >= 13);
const NAME = `node-${process.platform}-${process.arch}`;
const FOLDER = join(__dirname, '../../build/node-with-sqlite');

module.exports = {
  NODE_WITH_SQLITE: hasSqlite ? process.execPath : join(FOLDER, 'node_modules', NAME, 'bin/node'),
  FOLDER,
  PACKAGE: `${NAME}@22.23.3`,
};
