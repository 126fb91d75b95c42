# The fuzz targets of fuzz/: with SPILLWAY_FUZZ under libFuzzer, which is clang's; with the tests as programs that play the
# corpus, one test each.
set(SPILLWAY_FUZZ_TARGETS reply forms cluster_map key state)

foreach(name ${SPILLWAY_FUZZ_TARGETS})
  set(program fuzz_${name})
  add_executable(${program} fuzz/${name}.cpp)
  target_include_directories(${program} PRIVATE fuzz test/core)
  target_link_libraries(${program} PRIVATE io spillway_options ${SPILLWAY_UV_LIBRARY})
  if(SPILLWAY_FUZZ)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${program} PRIVATE fuzz/replay.cpp)
    add_test(NAME Fuzz.${name} COMMAND ${program} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
  endif()
endforeach()
