# hiredis: its reader (read.c) and its formatter, statically linked. Debian's find_package file aborts configure
# (it names a static library that is not there), so the two files are looked up by name.
find_library(SPILLWAY_HIREDIS_LIBRARY NAMES libhiredis.a)
find_path(SPILLWAY_HIREDIS_INCLUDE hiredis/read.h)
add_library(hiredis_static INTERFACE)
if(SPILLWAY_HIREDIS_LIBRARY AND SPILLWAY_HIREDIS_INCLUDE)
  target_include_directories(hiredis_static SYSTEM INTERFACE ${SPILLWAY_HIREDIS_INCLUDE})
  target_link_libraries(hiredis_static INTERFACE ${SPILLWAY_HIREDIS_LIBRARY})
else()
  include(FetchContent)
  # Release 1.2.0. A tag can be moved; a commit cannot.
  FetchContent_Declare(hiredis
    GIT_REPOSITORY https://github.com/redis/hiredis.git
    GIT_TAG 60e5075d4ac77424809f855ba3e398df7aacefe8
    SOURCE_SUBDIR none)
  FetchContent_MakeAvailable(hiredis)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/hiredis_include)
  file(CREATE_LINK ${hiredis_SOURCE_DIR} ${CMAKE_BINARY_DIR}/hiredis_include/hiredis SYMBOLIC)
  add_library(hiredis_objects STATIC
    ${hiredis_SOURCE_DIR}/alloc.c ${hiredis_SOURCE_DIR}/async.c ${hiredis_SOURCE_DIR}/hiredis.c ${hiredis_SOURCE_DIR}/net.c
    ${hiredis_SOURCE_DIR}/read.c ${hiredis_SOURCE_DIR}/sds.c ${hiredis_SOURCE_DIR}/sockcompat.c)
  set_target_properties(hiredis_objects PROPERTIES C_VISIBILITY_PRESET hidden)
  target_include_directories(hiredis_static SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/hiredis_include)
  target_link_libraries(hiredis_static INTERFACE hiredis_objects)
endif()
