// What the processor and its memory can do at most, with nothing in the way.
#pragma once

// GFLOP/s of f32 multiply-adds on registers alone, all threads together.
double ceiling_fma(int threads, double seconds);
// GFLOP/s of bf16 tile products on tile registers alone, all threads together; 0 without tiles.
double ceiling_tiles(int threads, double seconds);
// GB/s of reading memory that no cache holds, all threads together.
double ceiling_read(int threads, double seconds);
