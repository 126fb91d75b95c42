/** Every fault of a Redis behind sentinels, one at a time, under load. */
import { SENTINEL_FAULTS } from './sentinel-faults';
import { SentinelPlace } from './sentinel-place';
import { playOneByOne } from './one-by-one';

playOneByOne('sentinel-faults', () => SentinelPlace.start(), SENTINEL_FAULTS);
