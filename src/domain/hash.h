#pragma once

#include <cstdint>
#include <string_view>

namespace spillway {

// Hashes bytes with a 64-bit seed by folded multiplication (each step multiplies 64 x 64 bits and xors the halves of the
// product). Not cryptographic; with a random seed per table an outsider cannot choose ids that collide.
uint64_t Hash(std::string_view bytes, uint64_t seed);

// A seed that differs from process to process.
uint64_t RandomSeed();

}  // namespace spillway
