# Python here; the same .proto files go through the protoc plug-in of your language.
rescue docs proto --out proto
mkdir -p generated
python -m grpc_tools.protoc -I proto --python_out=generated --grpc_python_out=generated proto/rescue_protos/v1/*.proto
ls generated/rescue_protos/v1
