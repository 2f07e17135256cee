/**
 * What the backends share whose memory is the Java heap: buffers, index buffers, shape checks and
 * the reading of stored weights. Not for users of a backend, to whom a buffer is opaque. Buffers
 * are not thread safe, everything else here is immutable or stateless.
 */
@NullMarked
package dev.diopter.kernels.host;

import org.jspecify.annotations.NullMarked;
