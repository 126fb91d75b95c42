/** Every fault of a cluster, one at a time, under load. */
import { CLUSTER_FAULTS } from './cluster-faults';
import { ClusterPlace } from './cluster-place';
import { playOneByOne } from './one-by-one';

playOneByOne('cluster-faults', () => ClusterPlace.start(), CLUSTER_FAULTS);
