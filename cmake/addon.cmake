if(NOT EXISTS ${SPILLWAY_NODE_INCLUDE}/node_api.h OR NOT EXISTS ${SPILLWAY_NODE_INCLUDE}/uv.h)
  message(FATAL_ERROR "SPILLWAY_NODE_INCLUDE must name the folder of Node's headers (node_api.h and uv.h).")
endif()
if(NOT EXISTS ${SPILLWAY_NODE_ADDON_API}/napi.h)
  message(FATAL_ERROR "SPILLWAY_NODE_ADDON_API must name the folder of the node-addon-api package (napi.h).")
endif()
target_include_directories(io SYSTEM PUBLIC ${SPILLWAY_NODE_INCLUDE})

add_library(addon MODULE
  binding/addon.cpp
  binding/breaker_call.cpp
  binding/check.cpp
  binding/environment.cpp
  binding/redis_config.cpp
  binding/step_call.cpp
  binding/store_handle.cpp
  binding/values.cpp)
target_include_directories(addon SYSTEM PRIVATE ${SPILLWAY_NODE_ADDON_API})
# A worker that is being terminated can run no JavaScript, nor take an exception: not a reason to end the process.
target_compile_definitions(addon PRIVATE
  NAPI_VERSION=8 NAPI_DISABLE_CPP_EXCEPTIONS NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
target_link_libraries(addon PRIVATE io spillway_options)
set_target_properties(addon PROPERTIES OUTPUT_NAME spillway PREFIX "" SUFFIX ".node")

if(APPLE)
  target_link_options(addon PRIVATE -undefined dynamic_lookup)
  set(platform darwin)
else()
  # Nothing of hiredis or libstdc++ may leak out to, or be replaced by, another addon in the process.
  target_link_options(addon PRIVATE
    -Wl,--exclude-libs,ALL -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/addon.map -Wl,--gc-sections)
  if(NOT SPILLWAY_SANITIZE)
    target_link_options(addon PRIVATE -static-libgcc -static-libstdc++ -s)
  endif()
  set(platform linux)
endif()

if(NOT SPILLWAY_OUTPUT_DIR)
  set(arch x64)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(arch arm64)
  endif()
  set(SPILLWAY_OUTPUT_DIR ${CMAKE_SOURCE_DIR}/prebuilds/${platform}-${arch})
endif()
# Written aside and renamed: a running process keeps the binary that it has mapped.
add_custom_command(TARGET addon POST_BUILD
  COMMAND ${CMAKE_COMMAND} -E make_directory ${SPILLWAY_OUTPUT_DIR}
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:addon> ${SPILLWAY_OUTPUT_DIR}/spillway.node.new
  COMMAND ${CMAKE_COMMAND} -E rename ${SPILLWAY_OUTPUT_DIR}/spillway.node.new ${SPILLWAY_OUTPUT_DIR}/spillway.node)
