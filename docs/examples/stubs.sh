# Python here; the same .proto files go through the protoc plug-in of your language.
mkdir -p generated
python -m grpc_tools.protoc -I "$PROTOS" --python_out=generated --grpc_python_out=generated "$PROTOS"/rescue_protos/v1/*.proto
ls generated/rescue_protos/v1
