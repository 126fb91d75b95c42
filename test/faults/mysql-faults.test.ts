/** Every fault of a MariaDB, one at a time, under load. */
import { MYSQL_FAULTS } from './mysql-faults';
import { MysqlPlace } from './mysql-place';
import { playOneByOne } from './one-by-one';

playOneByOne('mysql-faults', () => MysqlPlace.start(), MYSQL_FAULTS);
