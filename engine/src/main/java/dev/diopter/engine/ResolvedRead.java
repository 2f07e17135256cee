package dev.diopter.engine;

/** A read of one point, resolved. */
record ResolvedRead(HookPoint point, ResolvedSelection where, Read.When when) {}
