/** Every fault of a file of SQLite, one at a time, under load. */
import { SQLITE_FAULTS } from './sqlite-faults';
import { SqlitePlace } from './sqlite-place';
import { playOneByOne } from './one-by-one';

playOneByOne('sqlite-faults', () => new SqlitePlace(), SQLITE_FAULTS);
