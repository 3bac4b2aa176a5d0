using { bench.Event } from '../../event';

namespace bench;

entity Events : Event {}
