/** Every fault of a store that can only compare and set, one at a time, under load. */
import { CAS_FAULTS } from './cas-faults';
import { CasPlace } from './cas-place';
import { playOneByOne } from './one-by-one';

playOneByOne('cas-faults', () => CasPlace.start(), CAS_FAULTS);
