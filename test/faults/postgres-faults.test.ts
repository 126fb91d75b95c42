/** Every fault of a PostgreSQL, one at a time, under load. */
import { POSTGRES_FAULTS } from './postgres-faults';
import { PostgresPlace } from './postgres-place';
import { playOneByOne } from './one-by-one';

playOneByOne('postgres-faults', () => PostgresPlace.start(), POSTGRES_FAULTS);
